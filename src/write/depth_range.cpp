#include "write/depth_range.hpp"

#include <algorithm>
#include <cmath>

#include "write/panels.hpp"

namespace sapiens {

DepthExtent depth_extent(TensorView<const float, 2> depth, std::span<const std::uint8_t> mask) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  float nearest = kInfinity, farthest = -kInfinity;
  for (Index y = 0; y < depth.extent(0); ++y) {
    const float* row = depth[y].data();
    for (Index x = 0; x < depth.extent(1); ++x) {
      // Branch-free, so that compilers vectorise the loop.
      const bool counts = std::abs(row[x]) < kInfinity && is_masked(mask, y * depth.extent(1) + x);
      nearest = std::min(nearest, counts ? row[x] : kInfinity);
      farthest = std::max(farthest, counts ? row[x] : -kInfinity);
    }
  }
  return {nearest, farthest};
}

}  // namespace sapiens
