
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <opencv2/imgproc.hpp>

#include "image/pixels.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/boxes.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// OpenCV computes source positions in 22.10 fixed point; within this limit they fit.
constexpr float kMaxEdge = 1 << 18;

void expect_box(const Box& box) {
  const auto near = [](float edge) { return std::abs(edge) <= kMaxEdge; };
  if (box.width > 0 && box.height > 0 && near(box.x) && near(box.y) && near(box.x + box.width) &&
      near(box.y + box.height)) {
    return;
  }
  throw Error(
      ErrorCode::InvalidArgument,
      {.summary = "this is not a valid person box",
       .expected = fmt::format("x, y, width and height in pixels, width and height above 0, "
                               "edges within {} pixels of the image's corner",
                               kMaxEdge),
       .actual = fmt::format("{}, {}, {}, {}", box.x, box.y, box.width, box.height)});
}

// remap() holds positions in 16 bits.
void expect_warpable(const Image& image) {
  constexpr Index kMaxSide = std::numeric_limits<std::int16_t>::max() - 1;
  if (image.width <= kMaxSide && image.height <= kMaxSide) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the image is too large for person crops",
               .expected = fmt::format("at most {} pixels wide and high", kMaxSide),
               .actual = fmt::format("{} x {} (height x width)", image.height, image.width),
               .hint = "shrink the image first; the network sees 1024 x 768 pixels of it"});
}

// Maps the outermost pixel centres of the crop to those of the input, like `get_udp_warp_matrix`,
// which computes in double and rounds to float32.
cv::Matx23f udp_matrix(const PersonCrop& crop, Grid input) {
  const double scale_x = static_cast<double>(input.width - 1) / crop.width;
  const double scale_y = static_cast<double>(input.height - 1) / crop.height;
  const double shift_x = scale_x * (0.5 * crop.width - crop.center_x);
  const double shift_y = scale_y * (0.5 * crop.height - crop.center_y);
  return {static_cast<float>(scale_x),
          0,
          static_cast<float>(shift_x),  //
          0,
          static_cast<float>(scale_y),
          static_cast<float>(shift_y)};
}

}  // namespace

PersonCrop crop_of_box(const Box& box, Grid input) {
  expect_box(box);
  expect_target_size(input.height, input.width);
  const float aspect = static_cast<float>(input.width) / static_cast<float>(input.height);
  const float width = box.width * kPersonMargin, height = box.height * kPersonMargin;
  const bool wide = width > height * aspect;
  return {.center_x = (box.x + (box.x + box.width)) * 0.5f,
          .center_y = (box.y + (box.y + box.height)) * 0.5f,
          .width = wide ? width : height * aspect,
          .height = wide ? width / aspect : height};
}

Image warp_person(const Image& image, const PersonCrop& crop, Grid input) try {
  expect_pixels("the image of a person", image);
  expect_warpable(image);
  expect_target_size(input.height, input.width);
  Image warped = make_image(input.height, input.width);
  cv::Mat target = as_mat(warped);
  cv::warpAffine(as_mat(image), target, udp_matrix(crop, input), target.size(), cv::INTER_LINEAR,
                 cv::BORDER_CONSTANT, cv::Scalar::all(0));
  return warped;
} catch (...) {
  rethrow_from_opencv();
}

Image crop_person(const Image& image, const Box& box, Index height, Index width) {
  const Grid input{height, width};
  return warp_person(image, crop_of_box(box, input), input);
}

void mirror_columns(TensorView<float, 3> chw) {
  for (Index channel = 0; channel < chw.extent(0); ++channel) {
    for (Index y = 0; y < chw.extent(1); ++y) {
      float* const row = chw[channel][y].data();
      std::reverse(row, row + chw.extent(2));
    }
  }
}

}  // namespace sapiens
