#include "write/panels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "image/pixels.hpp"
#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"

namespace sapiens {

void expect_size_of(const Image& image, std::string_view what, Index height, Index width) {
  expect_pixels("the image to draw on", image);
  expect_image_bounds("the image to draw on", image);
  if (height == image.height && width == image.width) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = fmt::format("{} do not have the size of the image", what),
               .expected = fmt::format("{}x{}", image.height, image.width),
               .actual = fmt::format("{}x{}", height, width)});
}

void expect_pixels_of(const Image& image, std::string_view what, std::size_t count) {
  const auto pixels = static_cast<std::size_t>(image.height * image.width);
  if (count == pixels) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = fmt::format("{} do not have the size of the image", what),
               .expected = fmt::format("{} pixels", pixels),
               .actual = fmt::format("{} pixels", count)});
}

void expect_option(std::string_view name, float value, float max) {
  if (value >= 0 && value <= max) return;
  throw Error(ErrorCode::InvalidArgument, {.summary = "an option of the drawing is out of range",
                                           .key = std::string(name),
                                           .expected = fmt::format("a number from 0 to {}", max),
                                           .actual = fmt::format("{}", value)});
}

Panels::Panels(const Image& image, Index panels, bool side_by_side, Index column,
               const StopCheck* check)
    : width_(image.width),
      first_(side_by_side ? image.width : 0),
      column_(column),
      check_(check),
      drawing_(make_image(image.height, first_ + panels * width_ + column)) {
  if (!side_by_side) return;
  for (Index y = 0; y < image.height; ++y) {
    look();
    std::copy_n(image.rgb.data() + y * width_ * 3, width_ * 3, row(-1, y));
  }
}

cv::Mat Panels::panel(Index panel) {
  const auto from = static_cast<int>(first_ + panel * width_);
  return as_mat(drawing_).colRange(from, from + static_cast<int>(width_));
}

cv::Mat Panels::column() {
  const cv::Mat all = as_mat(drawing_);
  return all.colRange(all.cols - static_cast<int>(column_), all.cols);
}

Image draw_reconstruction(const Reconstruction& reconstruction) {
  const Image* const images[] = {&reconstruction.masked, &reconstruction.reconstruction,
                                 &reconstruction.original};
  const Index height = reconstruction.original.height, width = reconstruction.original.width;
  for (const Image* image : images) {
    expect_size_of(*image, "the images of a reconstruction", height, width);
  }
  Panels panels(reconstruction.original, std::ssize(images), false);
  for (Index panel = 0; panel < std::ssize(images); ++panel) {
    const std::uint8_t* const rgb = images[panel]->rgb.data();
    for (Index y = 0; y < height; ++y) {
      std::copy_n(rgb + y * width * 3, width * 3, panels.row(panel, y));
    }
  }
  return std::move(panels).take();
}

DepthExtent depth_extent(TensorView<const float, 2> depth, std::span<const std::uint8_t> mask) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  float nearest = kInfinity, farthest = -kInfinity;
  for (Index y = 0; y < depth.extent(0); ++y) {
    const float* row = depth[y].data();
    for (Index x = 0; x < depth.extent(1); ++x) {
      // Branch-free, so that compilers vectorise the loop.
      const bool counts = std::abs(row[x]) < kInfinity && is_masked(mask, y * depth.extent(1) + x);
      nearest = std::min(nearest, counts ? row[x] : kInfinity);
      farthest = std::max(farthest, counts ? row[x] : -kInfinity);
    }
  }
  return {nearest, farthest};
}

}  // namespace sapiens
