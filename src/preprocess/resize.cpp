#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <opencv2/imgproc.hpp>

#include "image/pixels.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// Rounds as the original does; a side that would become 0 keeps a pixel, where the original fails.
Index scaled(Index length, double scale) noexcept {
  return std::max(Index{1}, static_cast<Index>(static_cast<double>(length) * scale + 0.5));
}

}  // namespace

void expect_target_size(Index height, Index width) {
  if (height >= 1 && width >= 1 && height <= kMaxImagePixels / width) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "an image cannot be resized to that size",
               .expected = fmt::format("1 to {} pixels", kMaxImagePixels),
               .actual = fmt::format("{} x {} (height x width)", height, width)});
}

Image resize_bilinear_opencv(const Image& image, Index height, Index width) try {
  expect_pixels("the image to resize", image);
  expect_image_bounds("the image to resize", image);
  expect_target_size(height, width);
  Image resized = make_image(height, width);
  cv::Mat target = as_mat(resized);
  cv::resize(as_mat(image), target, target.size(), 0, 0, cv::INTER_LINEAR);
  return resized;
} catch (...) {
  rethrow_from_opencv();
}

Image resize_for_features(const Image& image, Index height, Index width, PreprocessMode mode,
                          const StopCheck& check) {
  return mode == PreprocessMode::Full ? resize_bicubic_pillow(image, height, width, check)
                                      : resize_bilinear_opencv(image, height, width);
}

Letterbox letterbox(const Image& image, Index side) {
  expect_pixels("the image to find persons in", image);
  const double scale =
      static_cast<double>(side) / static_cast<double>(std::max(image.width, image.height));
  const Index width = std::min(side, scaled(image.width, scale));
  const Index height = std::min(side, scaled(image.height, scale));
  const Image resized = resize_bilinear_opencv(image, height, width);

  Letterbox box{
      .square = make_image(side, side),
      .scale_x = static_cast<float>(static_cast<double>(width) / static_cast<double>(image.width)),
      .scale_y =
          static_cast<float>(static_cast<double>(height) / static_cast<double>(image.height))};
  std::ranges::fill(box.square.rgb, detector_constants().grey);
  for (Index y = 0; y < height; ++y) {
    std::copy_n(resized.rgb.begin() + y * width * 3, width * 3,
                box.square.rgb.begin() + y * side * 3);
  }
  return box;
}

}  // namespace sapiens
