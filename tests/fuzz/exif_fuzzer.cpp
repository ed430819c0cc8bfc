// Any bytes as the Exif structure of an image: every orientation is one of eight.
#include <cstdint>
#include <span>

#include "image/image_header.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int orientation = sapiens::exif_orientation(std::as_bytes(std::span(data, size)));
  if (orientation < 1 || orientation > 8) __builtin_trap();
  return 0;
}
