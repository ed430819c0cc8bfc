#pragma once

#include <cstddef>
#include <span>

#include "image/png_file.hpp"
#include "sapiens/error.hpp"
#include "sapiens/image.hpp"

namespace sapiens::fuzz {

/// Measures an image, and decodes it where that takes milliseconds: millions of pixels from a few
/// bytes are allowed, and would only slow a fuzzer down.
inline void decode_image(std::span<const std::byte> bytes) {
  constexpr Index kMaxPixels = 1 << 18;
  try {
    if (measure_image(bytes, "input").pixels() > kMaxPixels) return;
    Image::decode(bytes, "input");
  } catch (const Error&) {
  }
}

}  // namespace sapiens::fuzz
