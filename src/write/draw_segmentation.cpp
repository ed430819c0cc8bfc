#include <algorithm>
#include <array>

#include "sapiens/draw.hpp"
#include "write/class_colors.hpp"
#include "write/panels.hpp"

namespace sapiens {
namespace {

using Palette = std::array<Rgb, 256>;  // as many as there are ids

Palette palette_of(const Segmentation& segmentation, const SegClassSet* set) {
  Palette palette = made_up_class_colors();
  if (!set || std::ssize(set->classes) != segmentation.classes) return palette;
  for (std::size_t id = 0; id < std::min(palette.size(), set->classes.size()); ++id) {
    palette[id] = set->classes[id].color;
  }
  return palette;
}

}  // namespace

Image draw_segmentation(const Image& picture, const Segmentation& segmentation,
                        const SegClassSet* set, const SegDrawing&) {
  expect_size_of(picture, "the classes", segmentation.height, segmentation.width);
  expect_pixels_of(picture, "the classes", segmentation.ids.size());
  const Palette palette = palette_of(segmentation, set);
  return picture_and_panel(picture, [&](Index pixel) {
    const Rgb color = palette[segmentation.ids[static_cast<std::size_t>(pixel)]];
    const std::uint8_t* rgb = picture.rgb.data() + pixel * 3;
    const auto blend = [](int a, int b) { return static_cast<std::uint8_t>((a + b) / 2); };
    return Rgb{blend(rgb[0], color.red), blend(rgb[1], color.green), blend(rgb[2], color.blue)};
  });
}

}  // namespace sapiens
