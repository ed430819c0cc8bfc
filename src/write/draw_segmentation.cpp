#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "sapiens/draw.hpp"
#include "write/panels.hpp"

namespace sapiens {
namespace {

using Palette = std::array<Rgb, 256>;  // as many as there are ids

constexpr Rgb kBackground = {50, 50, 50};

/// Hues a golden angle apart: neighbouring classes differ, however many there are.
Palette made_up_palette() {
  constexpr double kGoldenAngle = 137.508;
  cv::Mat colors(1, 256, CV_8UC3);
  for (int id = 0; id < 256; ++id) {
    const double half_hue = std::fmod(id * kGoldenAngle, 360) / 2;  // OpenCV's, 0 to 180
    colors.at<cv::Vec3b>(id) = cv::Vec3b(static_cast<std::uint8_t>(half_hue), 200, 255);
  }
  cv::cvtColor(colors, colors, cv::COLOR_HSV2RGB);
  Palette palette;
  for (int id = 0; id < 256; ++id) {
    const auto& color = colors.at<cv::Vec3b>(id);
    palette[static_cast<std::size_t>(id)] = {color[0], color[1], color[2]};
  }
  palette[0] = kBackground;
  return palette;
}

Palette palette_of(const Segmentation& segmentation, const SegClassSet* set) {
  Palette palette = made_up_palette();
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
