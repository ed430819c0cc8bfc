#include "sapiens/prepared.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sapiens {

std::string prepared_input_warning(std::span<const float> values) {
  // (x - mean) / std for x in 0..255 (docs/preprocessing.md).
  constexpr float kMinPrepared = -2.12f, kMaxPrepared = 2.64f;
  constexpr float kFarOut = 10;
  if (values.empty()) return {};
  const auto [min, max] = std::ranges::minmax(values);  // NaN is refused later, with the features
  const bool like_an_image = min >= 0 && max > min && (max <= 1 || max > kMaxPrepared + 0.1f);
  if (!like_an_image && min >= -kFarOut && max <= kFarOut) return {};
  return fmt::format(
      "its numbers go from {:.4g} to {:.4g}; those of a prepared input, (x - mean) / std for x in "
      "0..255, lie between {} and {}. Was it not normalised?",
      min, max, kMinPrepared, kMaxPrepared);
}

}  // namespace sapiens
