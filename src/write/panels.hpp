#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <opencv2/core/mat.hpp>
#include <span>
#include <string_view>
#include <utility>

#include "sapiens/image.hpp"
#include "sapiens/labels.hpp"
#include "sapiens/stop_check.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Throws `Error(InvalidArgument)` unless `what` is height x width, as the image is.
void expect_size_of(const Image& image, std::string_view what, Index height, Index width);

/// Throws unless `what` has `count` numbers, one per pixel.
void expect_pixels_of(const Image& image, std::string_view what, std::size_t count);

/// Throws `Error(InvalidArgument)` unless `value` lies between 0 and `max`.
void expect_option(std::string_view name, float value, float max);

/// Whether the mask contains a pixel; an empty mask contains all.
inline bool is_masked(std::span<const std::uint8_t> mask, Index pixel) noexcept {
  return mask.empty() || mask[static_cast<std::size_t>(pixel)] != 0;
}

/// Panels of the image's size side by side, optionally after a copy of the image itself, and black
/// at first; `column` more pixels are reserved at the right. `check`, which is borrowed, is called
/// for every row that is painted.
class Panels {
 public:
  Panels(const Image& image, Index panels, bool side_by_side, Index column = 0,
         const StopCheck* check = nullptr);

  /// Gives pixel x of row y the colour that `color_of(y, x)` returns.
  template <typename ColorOf>
  void paint(Index panel, ColorOf color_of) {
    for (Index y = 0; y < drawing_.height; ++y) paint_row(panel, y, color_of);
  }
  template <typename ColorOf>
  void paint_row(Index panel, Index y, ColorOf color_of) {
    look();
    std::uint8_t* out = row(panel, y);
    for (Index x = 0; x < width_; ++x, out += 3) {
      const Rgb color = color_of(y, x);
      out[0] = color.red;
      out[1] = color.green;
      out[2] = color.blue;
    }
  }

  void look() const {
    if (check_ && *check_) (*check_)();
  }

  std::uint8_t* row(Index panel, Index y) noexcept {
    return drawing_.rgb.data() + (y * drawing_.width + first_ + panel * width_) * 3;
  }

  cv::Mat panel(Index panel);
  cv::Mat column();
  Image take() && { return std::move(drawing_); }

 private:
  Index width_;   // width of a panel
  Index first_;   // column where panel 0 begins
  Index column_;  // width reserved at the right
  const StopCheck* check_;
  Image drawing_;
};

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
