#include "write/class_colors.hpp"

#include <cmath>
#include <opencv2/imgproc.hpp>

namespace sapiens {

std::array<Rgb, 256> made_up_class_colors() {
  constexpr Rgb kBackground = {50, 50, 50};
  constexpr double kGoldenAngle = 137.508;
  cv::Mat pixels(1, 256, CV_8UC3);
  for (int id = 0; id < 256; ++id) {
    const double half_hue = std::fmod(id * kGoldenAngle, 360) / 2;  // OpenCV's, 0 to 180
    pixels.at<cv::Vec3b>(id) = cv::Vec3b(static_cast<std::uint8_t>(half_hue), 200, 255);
  }
  cv::cvtColor(pixels, pixels, cv::COLOR_HSV2RGB);
  std::array<Rgb, 256> colors;
  for (int id = 0; id < 256; ++id) {
    const auto& pixel = pixels.at<cv::Vec3b>(id);
    colors[static_cast<std::size_t>(id)] = {pixel[0], pixel[1], pixel[2]};
  }
  colors[0] = kBackground;
  return colors;
}

}  // namespace sapiens
