#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <opencv2/imgproc.hpp>

#include "sapiens/draw.hpp"
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

/// Of the depths under the mask; numbers that are not finite do not count.
class DepthRange {
 public:
  void add(float depth) {
    if (!std::isfinite(depth)) return;
    nearest_ = std::min(nearest_, double{depth});
    farthest_ = std::max(farthest_, double{depth});
  }

  /// 255 for the nearest, 0 for the farthest; 255 where all are equally far.
  std::size_t brightness(float depth) const {
    const double range = farthest_ - nearest_;
    if (!(range > 0)) return 255;
    return static_cast<std::size_t>((1 - (depth - nearest_) / range) * 255);
  }

 private:
  double nearest_ = std::numeric_limits<double>::infinity();
  double farthest_ = -std::numeric_limits<double>::infinity();
};

}  // namespace

Image draw_depth(const Image& picture, TensorView<const float, 2> depth,
                 std::span<const std::uint8_t> mask, const DepthDrawing&) {
  expect_size_of(picture, "the depths", depth.extent(0), depth.extent(1));
  if (!mask.empty()) expect_pixels_of(picture, "the values of the mask", mask.size());
  const auto depth_at = [&](Index pixel) {
    return depth[pixel / picture.width][pixel % picture.width];
  };
  DepthRange range;
  for (Index pixel = 0; pixel < picture.width * picture.height; ++pixel) {
    if (is_masked(mask, pixel)) range.add(depth_at(pixel));
  }
  const std::array<Rgb, 256> colors = inferno();
  return picture_and_panel(picture, [&](Index pixel) {
    const float value = depth_at(pixel);
    if (!is_masked(mask, pixel) || !std::isfinite(value)) return kUnknown;
    return colors[range.brightness(value)];
  });
}

}  // namespace sapiens
