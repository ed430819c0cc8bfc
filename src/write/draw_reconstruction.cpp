#include <algorithm>
#include <iterator>
#include <utility>

#include "sapiens/draw.hpp"
#include "write/panels.hpp"

namespace sapiens {

Image draw_reconstruction(const Reconstruction& reconstruction) {
  const Image* const pictures[] = {&reconstruction.masked, &reconstruction.reconstruction,
                                   &reconstruction.original};
  const Index height = reconstruction.original.height, width = reconstruction.original.width;
  for (const Image* picture : pictures) {
    expect_size_of(*picture, "the pictures of a reconstruction", height, width);
  }
  Panels panels(reconstruction.original, std::ssize(pictures), false);
  for (Index panel = 0; panel < std::ssize(pictures); ++panel) {
    const std::uint8_t* const rgb = pictures[panel]->rgb.data();
    for (Index y = 0; y < height; ++y) {
      std::copy_n(rgb + y * width * 3, width * 3, panels.row(panel, y));
    }
  }
  return std::move(panels).take();
}

}  // namespace sapiens
