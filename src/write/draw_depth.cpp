#include <array>
#include <cmath>
#include <numeric>
#include <opencv2/imgproc.hpp>

#include "image/opencv_failure.hpp"
#include "sapiens/draw.hpp"
#include "write/depth_normals.hpp"
#include "write/depth_range.hpp"
#include "write/panels.hpp"

namespace sapiens {
namespace {

constexpr Rgb kUnknown = {100, 100, 100};

std::array<Rgb, 256> inferno() {
  cv::Mat levels(1, 256, CV_8U), colors;
  std::iota(levels.begin<std::uint8_t>(), levels.end<std::uint8_t>(), std::uint8_t{0});
  cv::applyColorMap(levels, colors, cv::COLORMAP_INFERNO);  // BGR
  std::array<Rgb, 256> table;
  for (int level = 0; level < 256; ++level) {
    const auto& bgr = colors.at<cv::Vec3b>(level);
    table[static_cast<std::size_t>(level)] = {bgr[2], bgr[1], bgr[0]};
  }
  return table;
}

/// Returns 1 for the nearest to 0 for the farthest pixel, and which pixels have a depth.
NearnessMap nearness_of(TensorView<const float, 2> depth, std::span<const std::uint8_t> mask,
                        const StopCheck& check) {
  const DepthExtent extent = depth_extent(depth, mask);
  const auto [height, width] = depth.extents();
  NearnessMap map(static_cast<int>(height), static_cast<int>(width));
  for (Index y = 0; y < height; ++y) {
    if (check) check();
    const float* in = depth[y].data();
    auto* value = map.values.ptr<float>(static_cast<int>(y));
    auto* known = map.known.ptr<std::uint8_t>(static_cast<int>(y));
    for (Index x = 0; x < width; ++x) {
      known[x] = std::isfinite(in[x]) && is_masked(mask, y * width + x);
      value[x] = known[x] ? static_cast<float>(1 - extent.share(in[x])) : 0.0f;
    }
  }
  map.empty = extent.empty();
  return map;
}

}  // namespace

Image draw_depth(const Image& image, TensorView<const float, 2> depth,
                 std::span<const std::uint8_t> mask, const DepthDrawing& drawing,
                 const StopCheck& check) try {
  expect_size_of(image, "the depths", depth.extent(0), depth.extent(1));
  if (!mask.empty()) expect_pixels_of(image, "the values of the mask", mask.size());
  Panels panels(image, drawing.normals ? 2 : 1, drawing.side_by_side, 0, &check);
  const NearnessMap map = nearness_of(depth, mask, check);
  const std::array<Rgb, 256> colors = inferno();
  for (Index y = 0; y < image.height; ++y) {
    const auto* value = map.values.ptr<float>(static_cast<int>(y));
    const auto* known = map.known.ptr<std::uint8_t>(static_cast<int>(y));
    panels.paint_row(0, y, [&](Index, Index x) {
      return known[x] ? colors[static_cast<std::uint8_t>(value[x] * 255)] : kUnknown;
    });
  }
  if (drawing.normals && !map.empty) paint_depth_normals(panels, 1, map);
  if (drawing.normals && map.empty) panels.paint(1, [](Index, Index) { return kUnknown; });
  return std::move(panels).take();
} catch (...) {
  rethrow_from_opencv();
}

}  // namespace sapiens
