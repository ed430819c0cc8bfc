#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// An 8-bit RGB picture, rows top to bottom, [height, width, 3].
struct Image {
  Index width = 0;
  Index height = 0;
  std::vector<std::uint8_t> rgb;

  /// Reads JPEG, PNG or WebP; EXIF orientation applied, grey replicated, alpha dropped, 16 bit
  /// reduced to 8, exactly as OpenCV's IMREAD_COLOR does. Throws `Error` (NotFound,
  /// UnsupportedFormat, CorruptFile).
  static Image read(const std::filesystem::path& path);

  /// The same from bytes in memory; `name` is used in messages.
  static Image decode(std::span<const std::byte> bytes, const std::string& name);

  /// Writes a PNG, atomically: a temporary name, then a rename.
  void write_png(const std::filesystem::path& path) const;
};

}  // namespace sapiens
