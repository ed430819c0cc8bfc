#pragma once

#include <opencv2/core/mat.hpp>
#include <string_view>

#include "sapiens/image.hpp"

namespace sapiens {

/// Throws `Error(InvalidArgument)` naming `what` unless width and height are positive and `rgb`
/// holds exactly their pixels. Callers can fill public structs with anything.
void expect_pixels(std::string_view what, const Image& image);

/// A black image of that size.
Image make_image(Index height, Index width);

/// The image as an OpenCV matrix; `image` owns the pixels and must outlive the result.
cv::Mat as_mat(Image& image);
cv::Mat as_mat(const Image& image);

}  // namespace sapiens
