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

/// Options of a reconstruction.
struct ReconstructOptions {
  /// Share of hidden patches, 0 to 1; 0.75 in training. Of N patches, int(N * (1 - mask_ratio))
  /// stay visible.
  double mask_ratio = 0.75;
  /// Selects the hidden patches, the same ones in every image, as docs/reconstruct.md describes.
  std::uint64_t seed = 1;
  /// If not empty, replaces the seed: one number per patch; the patches with the smallest numbers
  /// stay visible. Not copied; must stay valid during the call.
  std::span<const float> noise = {};
  Progress progress = {};  ///< Called after every block of encoder and decoder.
};

/// The numeric output of the masked autoencoder for one input.
struct MaskedPrediction {
  Grid grid = {};                       ///< Grid of patches; N = grid.patches().
  std::vector<std::uint8_t> mask = {};  ///< [N]: 1 for a hidden patch.
  FloatArray latent = {};               ///< [1 + visible, C]: class token and visible patches.
  FloatArray prediction = {};           ///< [N, 768], normalised per patch to mean 0, deviation 1.
  FloatArray target = {};               ///< [N, 768]: the true values, normalised likewise.
  FloatArray pixels = {};               ///< [3, H, W]: `prediction` in the scale of the input.
  double masked_error = 0, mean_error = 0;  ///< See Reconstruction.
  RunStats stats = {};                      ///< Durations of this run.
};

/// The result of a reconstruction: three images of the input size, and errors.
struct Reconstruction {
  Image original = {};                  ///< The image, resized.
  Image masked = {};                    ///< Hidden patches are grey.
  Image reconstruction = {};            ///< Hidden patches are predicted, others are unchanged.
  Grid grid = {};                       ///< Grid of patches.
  std::vector<std::uint8_t> mask = {};  ///< [gh * gw]: 1 for a hidden patch.
  /// The training loss: the mean squared error of the hidden patches, each normalised to mean 0 and
  /// deviation 1. NaN if no patch is hidden.
  double masked_error = 0;
  /// The same error for a baseline that predicts the mean of each patch. It is 767/768, because
  /// training divides variances by 767, and smaller for nearly constant patches. A trained model
  /// has an error well below it.
  double mean_error = 0;
  RunStats stats = {};  ///< Durations of this run.
};

/// A masked autoencoder: the pretrained encoder with its decoder, which cleaned files lack. Calls
/// on one object must not overlap (see SharedModel); two objects are independent.
///
///   Reconstructor mae(Checkpoint::open("sapiens_0.3b_epoch_1600.pth"));
///   mae.run(Image::read("photo.jpg")).reconstruction.write_png("reconstruction.png");
class Reconstructor {
 public:
  /// Throws like the constructor of Encoder; also CheckpointRefused for a file without the decoder,
  /// even with `allow_partial`, and InvalidArgument for an input size other than that of training.
  explicit Reconstructor(const Checkpoint& checkpoint, const ModelOptions& model = {},
                         const EngineOptions& engine = {});
  Reconstructor(Reconstructor&&) noexcept;
  Reconstructor& operator=(Reconstructor&&) noexcept;
  Reconstructor(const Reconstructor&) = delete;
  Reconstructor& operator=(const Reconstructor&) = delete;
  ~Reconstructor();

  /// The report on encoder and decoder. Lives as long as this object.
  const Inspection& inspection() const;
  /// Threads, instruction set, precision and memory.
  EngineStats stats() const;
  /// The input size of the model in pixels.
  Grid input_size() const;

  /// Resizes `image`, hides patches and predicts them. Throws `Error`: InvalidArgument for a ratio
  /// out of range, for noise that is NaN and for an image whose buffer does not match its size;
  /// ShapeMismatch for noise whose length is not the number of patches.
  Reconstruction run(const Image& image, const ReconstructOptions& options = {});

  /// The same for a normalised input [3, H, W] of the input size, with numeric results. Throws
  /// `Error(ShapeMismatch)` for another size.
  MaskedPrediction predict(TensorView<const float, 3> input,
                           const ReconstructOptions& options = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sapiens
