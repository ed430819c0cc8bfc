#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// The range of the finite depths under the mask, in double, so that no difference of floats
/// overflows.
struct DepthExtent {
  double nearest = std::numeric_limits<double>::infinity();
  double farthest = -std::numeric_limits<double>::infinity();

  bool empty() const noexcept { return !(nearest <= farthest); }

  /// Returns 0 for the nearest depth and 1 for the farthest; 0 where all are equal.
  double share(float depth) const noexcept {
    const double range = farthest - nearest;
    return range > 0 ? (depth - nearest) / range : 0;
  }
};

/// Computes the range; `mask` has one value per pixel or is empty.
DepthExtent depth_extent(TensorView<const float, 2> depth, std::span<const std::uint8_t> mask);

}  // namespace sapiens
