#include "core/shape.hpp"
#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "write/normal_color.hpp"
#include "write/panels.hpp"

namespace sapiens {

Image draw_normals(const Image& image, TensorView<const float, 3> normals,
                   std::span<const std::uint8_t> mask, const NormalDrawing& drawing,
                   const StopCheck& check) {
  expect_size_of(image, "the normals", normals.extent(0), normals.extent(1));
  if (!mask.empty()) expect_pixels_of(image, "the values of the mask", mask.size());
  if (normals.extent(2) != 3) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "the normals cannot be drawn",
                                             .expected = "[H, W, 3]",
                                             .actual = shape_text(normals.extents())});
  }
  Panels panels(image, 1, drawing.side_by_side, 0, &check);
  panels.paint(0, [&](Index y, Index x) {
    if (!is_masked(mask, y * image.width + x)) return Rgb{};
    const auto normal = normals[y][x];
    return normal_color(normal[0], normal[1], normal[2]);
  });
  return std::move(panels).take();
}

}  // namespace sapiens
