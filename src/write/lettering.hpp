#pragma once

#include <opencv2/core/mat.hpp>
#include <string>

#include "sapiens/labels.hpp"

namespace sapiens {

inline cv::Scalar scalar(Rgb color) { return cv::Scalar(color.red, color.green, color.blue); }

/// A bright colour; `degrees` may be any number that is not negative.
Rgb color_of_hue(double degrees);

/// Letters of one size.
class Lettering {
 public:
  /// Those that can be read in an image of that size: a seventieth of its shorter side, about as
  /// in the original, but not less than what makes letters out of pixels.
  static Lettering for_image(cv::Size image) noexcept;

  explicit Lettering(double capital_height) noexcept;

  int capital_height() const noexcept { return height_; }
  int line_height() const noexcept { return 2 * height_; }
  int text_width(const std::string& text) const;
  /// Of `draw_label`.
  cv::Size label_size(const std::string& text) const;

  /// The lower left corner of its first letter is at `at`.
  void draw(cv::Mat& canvas, const std::string& text, cv::Point at, Rgb color) const;
  /// On a framed plate of that colour, black or white by what can be read on it.
  void draw_label(cv::Mat& canvas, const std::string& text, cv::Point top_left, Rgb plate) const;

 private:
  int padding() const noexcept { return (height_ + 1) / 2; }

  int height_;
  double scale_;
  int stroke_;
};

}  // namespace sapiens
