#include "image/image_header.hpp"

#include <fmt/format.h>

namespace sapiens {

void expect_header_size(const ImageHeader& header, Index width, Index height) {
  if (width == header.width && height == header.height) return;
  throw BrokenImage(fmt::format("it says two sizes, {} x {} and {} x {} (width x height)",
                                header.width, header.height, width, height));
}

}  // namespace sapiens
