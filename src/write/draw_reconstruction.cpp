#include <algorithm>
#include <iterator>
#include <utility>

#include "sapiens/draw.hpp"
#include "write/panels.hpp"

namespace sapiens {

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

}  // namespace sapiens
