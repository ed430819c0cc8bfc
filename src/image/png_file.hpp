#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "sapiens/labels.hpp"
#include "sapiens/stop_check.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

struct PngValues {
  Index width = 0, height = 0;
  std::vector<std::uint8_t> values = {};
};

/// The values that a PNG with a palette or in grey stores for its pixels, of 8 bits or fewer.
/// Throws `Error` as `Image::decode` does, and UnsupportedFormat for other PNGs.
PngValues stored_png_values(std::span<const std::byte> bytes, const std::string& name);

enum class PngKind {
  Rgb,      ///< 3 bytes per pixel.
  Palette,  ///< 1 byte per pixel, an index into `palette`.
  Grey16,   ///< 2 bytes per pixel, in the machine's order.
};

struct PngText {
  std::string key = {}, text = {};  ///< ASCII; a key of 1 to 79 letters.
};

/// Borrowed pixels, in rows without gaps from top to bottom, and their metadata.
struct PngImage {
  PngKind kind = PngKind::Rgb;
  Index width = 0, height = 0;
  const void* pixels = nullptr;
  std::span<const Rgb> palette = {};  ///< 1 to 256 colours.
  std::span<const PngText> texts = {};
};

/// Encodes a PNG file in memory. Throws `std::bad_alloc`.
std::vector<std::byte> encode_png(const PngImage& image, const StopCheck& check = {});

/// Writes a PNG file atomically. Throws `Error`: WriteFailed, OutOfResources.
void write_png_file(const std::filesystem::path& path, const PngImage& image);

}  // namespace sapiens
