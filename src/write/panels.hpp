#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sapiens/image.hpp"
#include "sapiens/labels.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Throws `Error(InvalidArgument)` unless `what` is height x width, as the picture is.
void expect_size_of(const Image& picture, std::string_view what, Index height, Index width);

/// Throws unless `what` has `count` numbers, one per pixel.
void expect_pixels_of(const Image& picture, std::string_view what, std::size_t count);

/// An empty mask is one for all pixels.
inline bool is_masked(std::span<const std::uint8_t> mask, Index pixel) noexcept {
  return mask.empty() || mask[static_cast<std::size_t>(pixel)] != 0;
}

/// The picture, and right of it a panel of the same size whose pixels, counted row by row, have the
/// colours that `color_of(pixel)` returns.
template <typename ColorOf>
Image picture_and_panel(const Image& picture, ColorOf color_of) {
  Image drawing{.width = 2 * picture.width, .height = picture.height, .rgb = {}};
  drawing.rgb.reserve(2 * picture.rgb.size());
  for (Index y = 0; y < picture.height; ++y) {
    const auto row = picture.rgb.begin() + y * picture.width * 3;
    drawing.rgb.insert(drawing.rgb.end(), row, row + picture.width * 3);
    for (Index x = 0; x < picture.width; ++x) {
      const Rgb color = color_of(y * picture.width + x);
      drawing.rgb.insert(drawing.rgb.end(), {color.red, color.green, color.blue});
    }
  }
  return drawing;
}

}  // namespace sapiens
