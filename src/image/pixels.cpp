#include "image/pixels.hpp"

#include <fmt/format.h>

#include <opencv2/core.hpp>

#include "sapiens/error.hpp"

namespace sapiens {

void expect_pixels(std::string_view what, const Image& image) {
  constexpr Index kMaxSide = Index{1} << 30;  // so that the product below cannot overflow
  const bool sized =
      image.width > 0 && image.width <= kMaxSide && image.height > 0 && image.height <= kMaxSide;
  if (sized && static_cast<std::uint64_t>(image.width) * image.height * 3 == image.rgb.size()) {
    return;
  }
  throw Error(ErrorCode::InvalidArgument,
              {.summary = fmt::format("{} is not a complete image", what),
               .expected = "width and height of at least 1, and 3 bytes for each pixel",
               .actual = fmt::format("{} x {} pixels (width x height) and {} bytes", image.width,
                                     image.height, image.rgb.size())});
}

Image make_image(Index height, Index width) {
  return {.width = width,
          .height = height,
          .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(height * width * 3))};
}

cv::Mat as_mat(Image& image) {
  return {static_cast<int>(image.height), static_cast<int>(image.width), CV_8UC3, image.rgb.data()};
}

// OpenCV has no matrix of constant numbers; callers use the result as an input only.
cv::Mat as_mat(const Image& image) { return as_mat(const_cast<Image&>(image)); }

}  // namespace sapiens
