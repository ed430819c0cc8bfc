#pragma once

#include <opencv2/core/mat.hpp>
#include <string>

#include "sapiens/labels.hpp"

namespace sapiens {

inline cv::Scalar scalar(Rgb color) { return cv::Scalar(color.red, color.green, color.blue); }

/// The bright colour of a hue; `degrees` may be any number from 0.
Rgb color_of_hue(double degrees);

/// Draws text in one size.
class Lettering {
 public:
  /// The size that is legible in an image of that size: a seventieth of its shorter side, about as
  /// in the original, but at least the smallest size at which letters are recognisable.
  static Lettering for_image(cv::Size image) noexcept;

  explicit Lettering(double capital_height) noexcept;

  int capital_height() const noexcept { return height_; }
  int line_height() const noexcept { return 2 * height_; }
  int text_width(const std::string& text) const;
  /// The size of a label of `draw_label`.
  cv::Size label_size(const std::string& text) const;

  /// Draws `text`; `at` is the lower left corner of its first letter.
  void draw(cv::Mat& canvas, const std::string& text, cv::Point at, Rgb color) const;
  /// Draws `text` on a framed plate of that colour, in black or white, whichever has more contrast.
  void draw_label(cv::Mat& canvas, const std::string& text, cv::Point top_left, Rgb plate) const;

 private:
  int padding() const noexcept { return (height_ + 1) / 2; }

  int height_;
  double scale_;
  int stroke_;
};

}  // namespace sapiens
