#pragma once

#include <opencv2/core/mat.hpp>
#include <string_view>

#include "sapiens/image.hpp"

namespace sapiens {

/// Throws `Error(InvalidArgument)` naming `what` unless width and height are positive and `rgb`
/// holds exactly their pixels. Public structs can be filled in by anybody.
void expect_pixels(std::string_view what, const Image& image);

/// An image of that size, all black.
Image make_image(Index height, Index width);

/// The same pixels as OpenCV sees them; `image` keeps them and must outlive the result.
cv::Mat as_mat(Image& image);
cv::Mat as_mat(const Image& image);

}  // namespace sapiens
