#pragma once

#include <span>

#include "sapiens/report.hpp"

namespace sapiens {

/// The position of a heatmap's maximum, in pixels of the map.
struct HeatmapPeak {
  double x = 0, y = 0;
  float score = 0;  ///< The highest value itself.
};

/// The size that `scratch` of `find_peak` must have.
Index heatmap_scratch(Grid size) noexcept;

/// Finds the peak of one map of `size`, to a fraction of a pixel; `scratch` is overwritten.
HeatmapPeak find_peak(std::span<const float> heatmap, Grid size, std::span<float> scratch) noexcept;

}  // namespace sapiens
