#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/features.hpp"
#include "sapiens/image.hpp"
#include "sapiens/report.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

struct ReconstructOptions {
  /// The share of patches that is hidden, 0 to 1; 0.75 in training. int(N * (1 - mask_ratio)) of N
  /// patches stay visible.
  double mask_ratio = 0.75;
  /// Decides which patches: the same ones in every image. docs/reconstruct.md tells how.
  std::uint64_t seed = 1;
  /// Decides instead of the seed where it is not empty: one number per patch, those with the
  /// smallest stay visible.
  std::span<const float> noise = {};
  Progress progress = {};  ///< Told after every block; may throw to stop.
};

/// What the masked autoencoder makes of one input.
struct MaskedPrediction {
  Grid grid = {};                           ///< Of patches; N = grid.patches().
  std::vector<std::uint8_t> mask = {};      ///< [N]: 1 where a patch is hidden.
  FloatArray latent = {};                   ///< [1 + visible, C]: class token and visible patches.
  FloatArray prediction = {};               ///< [N, 768], each patch to mean 0 and deviation 1.
  FloatArray target = {};                   ///< [N, 768]: what it should have been.
  FloatArray pixels = {};                   ///< [3, H, W]: all of `prediction`, as the input was.
  double masked_error = 0, mean_error = 0;  ///< As in Reconstruction.
  RunStats stats = {};
};

/// Three images of the size that the network sees.
struct Reconstruction {
  Image original = {};        ///< The image, resized.
  Image masked = {};          ///< Hidden patches are grey.
  Image reconstruction = {};  ///< Hidden patches are predicted, visible ones the original's.
  Grid grid = {};
  std::vector<std::uint8_t> mask = {};  ///< [gh * gw]: 1 where a patch is hidden.
  /// The loss of training: the mean squared error of the hidden patches, each scaled to mean 0 and
  /// deviation 1. NaN where nothing is hidden.
  double masked_error = 0;
  /// The same for predicting each patch's mean. As variances are divided by 767 in training, that
  /// is 767/768, less where the numbers of a patch are all but equal. A model that has learned
  /// something lies well below it.
  double mean_error = 0;
  RunStats stats = {};
};

/// A masked autoencoder: the pretrained encoder with the decoder that cleaned files lack. One call
/// at a time; two in one process share nothing.
///
///   Reconstructor mae(Checkpoint::open("sapiens_0.3b_epoch_1600.pth"));
///   mae.run(Image::read("photo.jpg")).reconstruction.write_png("reconstruction.png");
class Reconstructor {
 public:
  /// Throws as Encoder's constructor does, and CheckpointRefused for a file without the
  /// decoder, whatever `allow_partial` says. The input size is the one the model was trained with:
  /// InvalidArgument for others.
  explicit Reconstructor(const Checkpoint& checkpoint, const ModelOptions& model = {},
                         const EngineOptions& engine = {});
  Reconstructor(Reconstructor&&) noexcept;
  Reconstructor& operator=(Reconstructor&&) noexcept;
  Reconstructor(const Reconstructor&) = delete;
  Reconstructor& operator=(const Reconstructor&) = delete;
  ~Reconstructor();

  /// Of encoder and decoder.
  const Inspection& inspection() const;
  EngineStats stats() const;
  /// What images are resized to, in pixels.
  Grid input_size() const;

  /// Throws InvalidArgument for a ratio out of range, for noise that is no number, and for an
  /// image whose pixels do not add up.
  Reconstruction run(const Image& image, const ReconstructOptions& options = {});

  /// The same in numbers: `input` [3, H, W] is normalised and of the native size. Throws
  /// ShapeMismatch for another size, and for noise of another length than patches.
  MaskedPrediction predict(TensorView<const float, 3> input,
                           const ReconstructOptions& options = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sapiens
