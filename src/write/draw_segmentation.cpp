#include <opencv2/core.hpp>

#include "image/opencv_failure.hpp"
#include "sapiens/draw.hpp"
#include "write/class_look.hpp"
#include "write/panels.hpp"
#include "write/seg_labels.hpp"
#include "write/seg_legend.hpp"

namespace sapiens {
namespace {

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
