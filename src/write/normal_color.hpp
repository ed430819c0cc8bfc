#pragma once

#include <algorithm>
#include <cstdint>

#include "sapiens/labels.hpp"

namespace sapiens {

/// Maps -1 to 1 to 0 to 255; NaN becomes 0.
inline std::uint8_t normal_level(float component) noexcept {
  const float value = (component + 1) / 2 * 255;
  return static_cast<std::uint8_t>(std::min(std::max(0.0f, value), 255.0f));
}

/// The colour of a vector with components from -1 to 1.
inline Rgb normal_color(float x, float y, float z) noexcept {
  return {normal_level(x), normal_level(y), normal_level(z)};
}

}  // namespace sapiens
