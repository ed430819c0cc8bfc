#include <fmt/format.h>

#include <algorithm>
#include <opencv2/core.hpp>
#include <opencv2/core/mat.hpp>
#include <opencv2/imgproc.hpp>
#include <span>

#include "image/pixels.hpp"
#include "sapiens/draw.hpp"
#include "sapiens/image.hpp"
#include "write/lettering.hpp"
#include "write/panels.hpp"
#include "write/seg_labels.hpp"

namespace sapiens {
namespace {

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

constexpr Rgb kLegendPaper = {24, 24, 24};
constexpr Rgb kLegendInk = {235, 235, 235};

int longest_name(const Lettering& letters, Index classes, const ClassLook& look) {
  int longest = 0;
  for (int id = 0; id < std::min<Index>(classes, ClassLook::kIds); ++id) {
    longest = std::max(longest, letters.text_width(look.name(id)));
  }
  return longest;
}

SegLegend::SegLegend(const Image& image, Index classes, const ClassLook& look)
    : image_(static_cast<int>(image.width), static_cast<int>(image.height)),
      look_(look),
      letters_(Lettering::for_image(image_)),
      width_(margin() * 3 + swatch() + longest_name(letters_, classes, look)) {}

void SegLegend::draw(cv::Mat& column, std::span<const int> ids) const {
  column.setTo(scalar(kLegendPaper));
  const auto room = static_cast<std::size_t>(rows());
  const std::size_t listed = ids.size() <= room ? ids.size() : room - 1;
  const int text_x = margin() * 2 + swatch();
  int y = margin();
  for (const int id : ids.first(listed)) {
    const cv::Rect area(margin(), y, swatch(), swatch());
    cv::rectangle(column, area, scalar(look_.colors()[id]), cv::FILLED);
    cv::rectangle(column, area, scalar(kLegendInk), 1);
    const int below = y + (swatch() + letters_.capital_height()) / 2;
    letters_.draw(column, look_.name(id), {text_x, below}, kLegendInk);
    y += letters_.line_height();
  }
  if (listed == ids.size()) return;
  letters_.draw(column, fmt::format("{} more", ids.size() - listed),
                {text_x, y + letters_.capital_height()}, kLegendInk);
}

/// Blends an image's colours and those of classes in shares of 65536. Fractions of a level are
/// truncated, as in the original.
class Blend {
 public:
  Blend(const ClassLook& look, float opacity) {
    const auto share = static_cast<std::uint32_t>(cvRound(opacity * 65536));
    image_share_ = 65536 - share;
    for (std::size_t id = 0; id < shares_.size(); ++id) {
      const Rgb color = look.colors()[id];
      shares_[id] = {share * color.red, share * color.green, share * color.blue};
    }
  }

  Rgb operator()(const std::uint8_t* rgb, std::uint8_t id) const noexcept {
    const auto& of_class = shares_[id];
    const auto mix = [&](int channel) {
      return static_cast<std::uint8_t>((image_share_ * rgb[channel] + of_class[channel]) >> 16);
    };
    return {mix(0), mix(1), mix(2)};
  }

 private:
  std::uint32_t image_share_;
  std::array<std::array<std::uint32_t, 3>, ClassLook::kIds> shares_;
};

}  // namespace

Image draw_segmentation(const Image& image, const Segmentation& segmentation,
                        const SegClassSet* set, const SegDrawing& drawing,
                        const StopCheck& check) try {
  expect_size_of(image, "the classes", segmentation.height, segmentation.width);
  expect_pixels_of(image, "the classes", segmentation.ids.size());
  expect_option("opacity", drawing.opacity, 1);
  const ClassLook look(segmentation.classes, set);
  const SegLegend legend(image, segmentation.classes, look);
  const bool with_legend = drawing.legend && legend.fits();
  Panels panels(image, 1, drawing.side_by_side, with_legend ? legend.width() : 0, &check);

  const Blend blend(look, drawing.opacity);
  panels.paint(0, [&](Index y, Index x) {
    const Index pixel = y * image.width + x;
    return blend(image.rgb.data() + pixel * 3, segmentation.ids[static_cast<std::size_t>(pixel)]);
  });
  if (!drawing.labels && !with_legend) return std::move(panels).take();

  const ClassRows rows(segmentation, check);
  cv::Mat panel = panels.panel(0), column = panels.column();
  if (drawing.labels) draw_seg_labels(panel, segmentation, rows, look);
  if (with_legend) legend.draw(column, rows.by_area());
  return std::move(panels).take();
} catch (...) {
  rethrow_from_opencv();
}

}  // namespace sapiens
