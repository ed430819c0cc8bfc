#pragma once

#include <cstdint>
#include <ostream>
#include <vector>

#include "sapiens/image.hpp"
#include "sapiens/labels.hpp"

namespace sapiens {

inline Image grey_image(Index height, Index width, std::uint8_t grey = 90) {
  return {.width = width,
          .height = height,
          .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(height * width * 3), grey)};
}

inline Rgb pixel(const Image& image, Index y, Index x) {
  const auto* rgb = image.rgb.data() + (y * image.width + x) * 3;
  return {rgb[0], rgb[1], rgb[2]};
}

inline void PrintTo(const Rgb& color, std::ostream* out) {
  *out << int{color.red} << ' ' << int{color.green} << ' ' << int{color.blue};
}

}  // namespace sapiens
