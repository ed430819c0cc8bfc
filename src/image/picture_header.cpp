#include "image/picture_header.hpp"

#include <fmt/format.h>

namespace sapiens {

void expect_header_size(const PictureHeader& header, Index width, Index height) {
  if (width == header.width && height == header.height) return;
  throw BrokenPicture(fmt::format("it says two sizes, {} x {} and {} x {} (width x height)",
                                  header.width, header.height, width, height));
}

}  // namespace sapiens
