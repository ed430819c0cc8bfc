#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

// The pixels of the masked autoencoder. N patches of 16 x 16 pixels; a patch is a row of 768
// numbers, ordered row, column, channel, of the normalised image.

struct PatchMask {
  std::vector<Index> kept;           ///< Patches that stay visible, in the order of their noise.
  std::vector<std::uint8_t> hidden;  ///< [N]: 1 where a patch is hidden.
};

/// Hides all but the int(N * (1 - ratio)) patches with the smallest noise. Throws
/// `Error(InvalidArgument)` for a ratio outside 0 to 1 and for noise that is no number.
PatchMask mask_by_noise(std::span<const float> noise, double ratio);

/// Numbers from 0 up to 1 for that many patches: the upper 24 bits of the numbers of SplitMix64.
std::vector<float> patch_noise(std::uint64_t seed, Index patches);

/// What a patch is brought to mean 0 and deviation 1 with.
struct PatchScale {
  float mean = 0;
  float deviation = 0;  ///< sqrt(variance + 1e-6), variance divided by 767: `norm_pix` in training.
};

/// `chw` [3, H, W], sides multiples of 16, as patches [N, 768], each brought to mean 0 and
/// deviation 1: what the decoder learns to predict.
std::vector<PatchScale> normalized_patches(TensorView<const float, 3> chw, Matrix patches);

/// The way back.
void place_patches(ConstMatrix patches, std::span<const PatchScale> scales,
                   TensorView<float, 3> chw);

/// Mean over the hidden patches of the mean squared difference.
struct PatchErrors {
  double masked = 0;  ///< Of `prediction`: the loss of training.
  double mean = 0;    ///< Of a prediction of each patch's mean, which is 0.
};
/// Both are NaN where nothing is hidden.
PatchErrors patch_errors(ConstMatrix prediction, ConstMatrix target,
                         std::span<const std::uint8_t> hidden);

}  // namespace sapiens
