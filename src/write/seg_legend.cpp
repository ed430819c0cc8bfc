#include "write/seg_legend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <opencv2/imgproc.hpp>

namespace sapiens {
namespace {

constexpr Rgb kPaper = {24, 24, 24};
constexpr Rgb kInk = {235, 235, 235};

int longest_name(const Lettering& letters, Index classes, const ClassLook& look) {
  int longest = 0;
  for (int id = 0; id < std::min<Index>(classes, ClassLook::kIds); ++id) {
    longest = std::max(longest, letters.text_width(look.name(id)));
  }
  return longest;
}

}  // namespace

SegLegend::SegLegend(const Image& image, Index classes, const ClassLook& look)
    : image_(static_cast<int>(image.width), static_cast<int>(image.height)),
      look_(look),
      letters_(Lettering::for_image(image_)),
      width_(margin() * 3 + swatch() + longest_name(letters_, classes, look)) {}

void SegLegend::draw(cv::Mat& column, std::span<const int> ids) const {
  column.setTo(scalar(kPaper));
  const auto room = static_cast<std::size_t>(rows());
  const std::size_t listed = ids.size() <= room ? ids.size() : room - 1;
  const int text_x = margin() * 2 + swatch();
  int y = margin();
  for (const int id : ids.first(listed)) {
    const cv::Rect area(margin(), y, swatch(), swatch());
    cv::rectangle(column, area, scalar(look_.colors()[id]), cv::FILLED);
    cv::rectangle(column, area, scalar(kInk), 1);
    const int below = y + (swatch() + letters_.capital_height()) / 2;
    letters_.draw(column, look_.name(id), {text_x, below}, kInk);
    y += letters_.line_height();
  }
  if (listed == ids.size()) return;
  letters_.draw(column, fmt::format("{} more", ids.size() - listed),
                {text_x, y + letters_.capital_height()}, kInk);
}

}  // namespace sapiens
