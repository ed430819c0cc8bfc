#include "tasks/masked_patches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "core/split_mix.hpp"
#include "model/config.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

void expect_ratio(double ratio) {
  if (ratio >= 0 && ratio <= 1) return;  // false for NaN
  throw Error(ErrorCode::InvalidArgument, {.summary = "the share of hidden patches is out of range",
                                           .option = "mask_ratio",
                                           .expected = "a number from 0 to 1",
                                           .actual = fmt::format("{}", ratio)});
}

void expect_numbers(std::span<const float> noise) {
  if (std::ranges::none_of(noise, [](float value) { return std::isnan(value); })) return;
  throw Error(ErrorCode::InvalidArgument, {.summary = "the noise that decides the mask holds NaN",
                                           .key = "noise",
                                           .expected = "numbers that can be sorted"});
}

// Calls `visit(chw place, patch place)` for each number of patch `patch`.
template <typename Number, typename Visit>
void for_each_pixel(TensorView<Number, 3> chw, Index patch, Visit visit) {
  const Index columns = chw.extent(2) / kPatch;
  const Index top = patch / columns * kPatch;
  const Index left = patch % columns * kPatch;
  Index place = 0;
  for (Index y = top; y < top + kPatch; ++y) {
    for (Index x = left; x < left + kPatch; ++x) {
      for (Index channel = 0; channel < 3; ++channel) visit(chw[channel][y][x], place++);
    }
  }
}

PatchScale scale_of(std::span<const float> patch) {
  const auto count = static_cast<double>(patch.size());
  const double mean = std::accumulate(patch.begin(), patch.end(), 0.0) / count;
  double squares = 0;
  for (const float value : patch) squares += (value - mean) * (value - mean);
  constexpr double kEpsilon = 1e-6;
  return {static_cast<float>(mean),
          static_cast<float>(std::sqrt(squares / (count - 1) + kEpsilon))};
}

}  // namespace

PatchMask mask_by_noise(std::span<const float> noise, double ratio) {
  expect_ratio(ratio);
  expect_numbers(noise);
  PatchMask mask{.kept = std::vector<Index>(noise.size()),
                 .hidden = std::vector<std::uint8_t>(noise.size(), 1)};
  std::iota(mask.kept.begin(), mask.kept.end(), Index{0});
  std::ranges::stable_sort(mask.kept, {},
                           [&](Index patch) { return noise[static_cast<std::size_t>(patch)]; });
  mask.kept.resize(static_cast<std::size_t>(static_cast<double>(noise.size()) * (1 - ratio)));
  for (const Index patch : mask.kept) mask.hidden[static_cast<std::size_t>(patch)] = 0;
  return mask;
}

std::vector<float> patch_noise(std::uint64_t seed, Index patches) {
  std::vector<float> noise(static_cast<std::size_t>(patches));
  for (std::size_t i = 0; i < noise.size(); ++i) {
    noise[i] = static_cast<float>(split_mix_at(seed, i) >> 40) * 0x1p-24f;
  }
  return noise;
}

std::vector<PatchScale> normalized_patches(TensorView<const float, 3> chw, Matrix patches) {
  assert(chw.extent(1) % kPatch == 0 && chw.extent(2) % kPatch == 0);
  expect_shape("patches", patches,
               {chw.extent(1) / kPatch * (chw.extent(2) / kPatch), kPatchPixels});
  std::vector<PatchScale> scales;
  for (Index n = 0; n < patches.extent(0); ++n) {
    const std::span<float> patch = patches[n].flat();
    for_each_pixel(chw, n,
                   [&](float pixel, Index i) { patch[static_cast<std::size_t>(i)] = pixel; });
    const PatchScale scale = scale_of(patch);
    for (float& value : patch) value = (value - scale.mean) / scale.deviation;
    scales.push_back(scale);
  }
  return scales;
}

void place_patches(ConstMatrix patches, std::span<const PatchScale> scales,
                   TensorView<float, 3> chw) {
  assert(std::ssize(scales) == patches.extent(0));
  for (Index n = 0; n < patches.extent(0); ++n) {
    const PatchScale& scale = scales[static_cast<std::size_t>(n)];
    for_each_pixel(chw, n, [&](float& pixel, Index i) {
      pixel = patches[n][i] * scale.deviation + scale.mean;
    });
  }
}

PatchErrors patch_errors(ConstMatrix prediction, ConstMatrix target,
                         std::span<const std::uint8_t> hidden) {
  PatchErrors sums;
  double count = 0;
  for (Index n = 0; n < target.extent(0); ++n) {
    if (hidden[static_cast<std::size_t>(n)] == 0) continue;
    for (Index i = 0; i < target.extent(1); ++i) {
      const double wanted = target[n][i];
      const double difference = prediction[n][i] - wanted;
      sums.masked += difference * difference;
      sums.mean += wanted * wanted;
    }
    count += static_cast<double>(target.extent(1));
  }
  return {sums.masked / count, sums.mean / count};  // 0 / 0 is NaN
}

}  // namespace sapiens
