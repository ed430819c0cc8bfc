#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

struct PngValues {
  Index width = 0, height = 0;
  std::vector<std::uint8_t> values = {};
};

/// The values that a PNG with a palette or in grey stores for its pixels, of 8 bits or fewer.
/// Throws `Error` as `Image::decode` does, and UnsupportedFormat for other PNGs.
PngValues stored_png_values(std::span<const std::byte> bytes, const std::string& name);

}  // namespace sapiens
