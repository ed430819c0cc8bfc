#pragma once

#include <opencv2/core/mat.hpp>
#include <string>
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

/// The bound of `sapiens/image.hpp` that an image of this size breaks, as "at most 65500 pixels a
/// side"; empty where it keeps them all.
std::string broken_image_bound(Index width, Index height);

/// Throws `Error(InvalidArgument)` where `image`, filled in by a caller, exceeds a bound.
void expect_image_bounds(std::string_view what, const Image& image);

/// To be called in `catch (...)` of a function that calls OpenCV: rethrows the exception, as an
/// `Error` where it is OpenCV's own. OutOfResources with the amount where memory ran out or a
/// thread of its pool did not start; Internal for anything else.
[[noreturn]] void rethrow_from_opencv();

}  // namespace sapiens
