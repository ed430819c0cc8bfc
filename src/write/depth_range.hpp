#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Of the finite depths under the mask. In double, so that no difference of floats overflows.
struct DepthExtent {
  double nearest = std::numeric_limits<double>::infinity();
  double farthest = -std::numeric_limits<double>::infinity();

  bool empty() const noexcept { return !(nearest <= farthest); }

  /// 0 for the nearest, 1 for the farthest; 0 where all are equally far.
  double share(float depth) const noexcept {
    const double range = farthest - nearest;
    return range > 0 ? (depth - nearest) / range : 0;
  }
};

/// `mask` has one value per pixel, or none at all.
DepthExtent depth_extent(TensorView<const float, 2> depth, std::span<const std::uint8_t> mask);

}  // namespace sapiens
