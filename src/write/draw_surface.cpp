#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <opencv2/core/mat.hpp>
#include <opencv2/imgproc.hpp>

#include "core/shape.hpp"
#include "image/pixels.hpp"
#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "sapiens/labels.hpp"
#include "write/panels.hpp"

namespace sapiens {
namespace {

/// Maps -1 to 1 to 0 to 255; NaN becomes 0.
std::uint8_t normal_level(float component) noexcept {
  const float value = (component + 1) / 2 * 255;
  return static_cast<std::uint8_t>(std::min(std::max(0.0f, value), 255.0f));
}

/// The colour of a vector with components from -1 to 1.
Rgb normal_color(float x, float y, float z) noexcept {
  return {normal_level(x), normal_level(y), normal_level(z)};
}

/// The nearness of pixels and whether it is known; unknown values are 0.
struct NearnessMap {
  NearnessMap(int height, int width) : values(height, width, CV_32F), known(height, width, CV_8U) {}

  cv::Mat values;     // float
  cv::Mat known;      // 0 or 1
  bool empty = true;  // true where no pixel is known
};

constexpr int kWindow = 7;
constexpr int kStrip = 32;  // rows at a time, so that their slopes stay in cache

// Paints the normals of the surface whose heights are `map`, (-dv/dx, -dv/dy, -1) in units of 7x7
// Sobel sums; black where the window contains unknown pixels. The original sets pixels outside the
// mask to infinity, which spreads through the sums as NaN. Eroding the mask by the window gives the
// same pixels. OpenCV reads the rows above and below a strip from the whole matrix.
void paint_depth_normals(Panels& panels, Index panel, const NearnessMap& map) {
  const cv::Mat window = cv::Mat::ones(kWindow, kWindow, CV_8U);
  cv::Mat across, down, inside;
  for (int begin = 0; begin < map.values.rows; begin += kStrip) {
    const int end = std::min(begin + kStrip, map.values.rows);
    const cv::Mat strip = map.values.rowRange(begin, end);
    cv::Sobel(strip, across, CV_32F, 1, 0, kWindow);
    cv::Sobel(strip, down, CV_32F, 0, 1, kWindow);
    cv::erode(map.known.rowRange(begin, end), inside, window);
    for (int y = begin; y < end; ++y) {
      const auto* gx = across.ptr<float>(y - begin);
      const auto* gy = down.ptr<float>(y - begin);
      const auto* known = inside.ptr<std::uint8_t>(y - begin);
      panels.paint_row(panel, y, [&](Index, Index x) {
        if (!known[x]) return Rgb{};
        const float length = std::sqrt(gx[x] * gx[x] + gy[x] * gy[x] + 1) + 1e-5f;
        return normal_color(-gx[x] / length, -gy[x] / length, -1 / length);
      });
    }
  }
}

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

Image draw_normals(const Image& image, TensorView<const float, 3> normals,
                   std::span<const std::uint8_t> mask, const NormalDrawing& drawing,
                   const StopCheck& check) {
  expect_size_of(image, "the normals", normals.extent(0), normals.extent(1));
  if (!mask.empty()) expect_pixels_of(image, "the values of the mask", mask.size());
  if (normals.extent(2) != 3) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "the normals cannot be drawn",
                                             .expected = "[H, W, 3]",
                                             .actual = shape_text(normals.extents())});
  }
  Panels panels(image, 1, drawing.side_by_side, 0, &check);
  panels.paint(0, [&](Index y, Index x) {
    if (!is_masked(mask, y * image.width + x)) return Rgb{};
    const auto normal = normals[y][x];
    return normal_color(normal[0], normal[1], normal[2]);
  });
  return std::move(panels).take();
}

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
