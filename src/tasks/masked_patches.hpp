#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

// Patches of the masked autoencoder: N patches of 16 x 16 pixels, each a row of 768 numbers of the
// normalised image, ordered row, column, channel.

struct PatchMask {
  std::vector<Index> kept;           ///< Patches that stay visible, in the order of their noise.
  std::vector<std::uint8_t> hidden;  ///< [N]: 1 where a patch is hidden.
};

/// Hides all but the int(N * (1 - ratio)) patches with the smallest noise. Throws
/// `Error(InvalidArgument)` for a ratio outside 0 to 1 and for noise that is no number.
PatchMask mask_by_noise(std::span<const float> noise, double ratio);

/// The noise of `patches` patches, from 0 to below 1: the upper 24 bits of the numbers of
/// SplitMix64.
std::vector<float> patch_noise(std::uint64_t seed, Index patches);

/// The mean and deviation by which a patch is normalised.
struct PatchScale {
  float mean = 0;
  float deviation = 0;  ///< sqrt(variance + 1e-6), variance divided by 767: `norm_pix` in training.
};

/// Splits `chw` [3, H, W], whose sides are multiples of 16, into patches [N, 768], each normalised
/// to mean 0 and deviation 1, as the decoder predicts them.
std::vector<PatchScale> normalized_patches(TensorView<const float, 3> chw, Matrix patches);

/// The inverse of `normalized_patches`: writes patches back to their places.
void place_patches(ConstMatrix patches, std::span<const PatchScale> scales,
                   TensorView<float, 3> chw);

/// Mean over the hidden patches of the mean squared difference.
struct PatchErrors {
  double masked = 0;  ///< Error of `prediction`, the loss of training.
  double mean = 0;    ///< Error of predicting each patch's mean, which is 0.
};
/// Computes both errors; they are NaN where no patch is hidden.
PatchErrors patch_errors(ConstMatrix prediction, ConstMatrix target,
                         std::span<const std::uint8_t> hidden);

}  // namespace sapiens
