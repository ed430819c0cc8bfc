#include <fmt/format.h>

#include <opencv2/imgproc.hpp>

#include "image/image_bounds.hpp"
#include "image/opencv_failure.hpp"
#include "image/pixels.hpp"
#include "preprocess/preprocess.hpp"
#include "preprocess/target_size.hpp"
#include "sapiens/error.hpp"

namespace sapiens {

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

}  // namespace sapiens
