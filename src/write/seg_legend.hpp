#pragma once

#include <opencv2/core/mat.hpp>
#include <span>

#include "sapiens/image.hpp"
#include "write/class_look.hpp"
#include "write/lettering.hpp"

namespace sapiens {

/// A column of colours with their names, as high as the image and wide enough for the longest
/// name of the set.
class SegLegend {
 public:
  SegLegend(const Image& image, Index classes, const ClassLook& look);

  Index width() const noexcept { return width_; }
  /// False for images that are smaller than the legend.
  bool fits() const noexcept { return width_ <= image_.width && rows() >= kMinRows; }

  /// Draws `ids` from top to bottom; where there is no room for all, the last line gives the number
  /// of the rest.
  void draw(cv::Mat& column, std::span<const int> ids) const;

 private:
  static constexpr int kMinRows = 4;

  int rows() const noexcept { return (image_.height - margin()) / letters_.line_height(); }
  int margin() const noexcept { return letters_.capital_height(); }
  int swatch() const noexcept { return letters_.capital_height() * 3 / 2; }

  cv::Size image_;
  const ClassLook& look_;
  Lettering letters_;
  int width_;
};

}  // namespace sapiens
