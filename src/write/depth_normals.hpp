#pragma once

#include <opencv2/core/mat.hpp>

#include "write/panels.hpp"

namespace sapiens {

/// The nearness of pixels and whether it is known; unknown values are 0.
struct NearnessMap {
  NearnessMap(int height, int width) : values(height, width, CV_32F), known(height, width, CV_8U) {}

  cv::Mat values;     // float
  cv::Mat known;      // 0 or 1
  bool empty = true;  // true where no pixel is known
};

/// Paints the normals of the surface whose heights are `map`, (-dv/dx, -dv/dy, -1) in units of 7x7
/// Sobel sums; black where the window contains unknown pixels.
void paint_depth_normals(Panels& panels, Index panel, const NearnessMap& map);

}  // namespace sapiens
