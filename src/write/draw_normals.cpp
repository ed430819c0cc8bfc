#include <algorithm>
#include <cmath>

#include "core/shape.hpp"
#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "write/panels.hpp"

namespace sapiens {
namespace {

/// -1 to 1 become 0 to 255; what is not a number becomes 0.
std::uint8_t level(float component) {
  const float value = (component + 1) / 2 * 255;
  return value > 0 ? static_cast<std::uint8_t>(std::min(value, 255.0f)) : std::uint8_t{0};
}

}  // namespace

Image draw_normals(const Image& picture, TensorView<const float, 3> normals,
                   std::span<const std::uint8_t> mask, const NormalDrawing&) {
  expect_size_of(picture, "the normals", normals.extent(0), normals.extent(1));
  if (!mask.empty()) expect_pixels_of(picture, "the values of the mask", mask.size());
  if (normals.extent(2) != 3) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "the normals cannot be drawn",
                                             .expected = "[H, W, 3]",
                                             .actual = shape_text(normals.extents())});
  }
  return picture_and_panel(picture, [&](Index pixel) {
    if (!is_masked(mask, pixel)) return Rgb{};
    const auto normal = normals[pixel / picture.width][pixel % picture.width];
    return Rgb{level(normal[0]), level(normal[1]), level(normal[2])};
  });
}

}  // namespace sapiens
