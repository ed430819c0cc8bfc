#include "write/lettering.hpp"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace sapiens {
namespace {

constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr double kFontHeight = 21;  // height of a capital letter at scale 1
constexpr double kMinHeight = 8;
constexpr double kShareOfImage = 1.0 / 70;

// Width of the strokes relative to the height of letters; a seventh is a normal weight.
constexpr double kWeight = 1.0 / 10;

constexpr Rgb kBlack = {0, 0, 0};
constexpr Rgb kWhite = {255, 255, 255};

bool is_bright(Rgb color) noexcept {
  return 299 * color.red + 587 * color.green + 114 * color.blue > 140 * 1000;
}

}  // namespace

Rgb color_of_hue(double degrees) {
  // OpenCV's hue is from 0 to 180
  const auto half = static_cast<std::uint8_t>(std::fmod(degrees, 360) / 2);
  cv::Mat color(1, 1, CV_8UC3, cv::Scalar(half, 200, 255));
  cv::cvtColor(color, color, cv::COLOR_HSV2RGB);
  const auto& rgb = color.at<cv::Vec3b>(0);
  return {rgb[0], rgb[1], rgb[2]};
}

Lettering Lettering::for_image(cv::Size image) noexcept {
  return Lettering(std::max(kMinHeight, std::min(image.width, image.height) * kShareOfImage));
}

Lettering::Lettering(double capital_height) noexcept
    : height_(cvRound(capital_height)),
      scale_(capital_height / kFontHeight),
      stroke_(std::max(1, cvRound(capital_height * kWeight))) {}

int Lettering::text_width(const std::string& text) const {
  return cv::getTextSize(text, kFont, scale_, stroke_, nullptr).width;
}

// Letters such as g extend below the baseline by a third of a capital's height.
cv::Size Lettering::label_size(const std::string& text) const {
  return {text_width(text) + 2 * padding(), 2 * padding() + height_ + height_ / 4};
}

void Lettering::draw(cv::Mat& canvas, const std::string& text, cv::Point at, Rgb color) const {
  cv::putText(canvas, text, at, kFont, scale_, scalar(color), stroke_, cv::LINE_AA);
}

void Lettering::draw_label(cv::Mat& canvas, const std::string& text, cv::Point top_left,
                           Rgb plate) const {
  const cv::Rect area(top_left, label_size(text));
  cv::rectangle(canvas, area, scalar(plate), cv::FILLED);
  cv::rectangle(canvas, area, scalar(kBlack), 1);
  draw(canvas, text, {top_left.x + padding(), top_left.y + padding() + height_},
       is_bright(plate) ? kBlack : kWhite);
}

}  // namespace sapiens
