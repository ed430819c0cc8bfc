#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// The header of an image.
struct ImageHeader {
  Index width = 0;
  Index height = 0;
  std::span<const std::byte> exif = {};   ///< The TIFF structure inside; empty without one.
  std::span<const std::byte> coded = {};  ///< The chunk of a WebP that holds the image.
  bool ends_early = false;  ///< The end marker is missing; the decoder checks the pixels.
};

/// A violation of the format; `Image::decode` turns it into `Error(CorruptFile)`.
struct BrokenImage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A file of a known format that is not supported; it becomes `Error(UnsupportedFormat)`.
struct UnreadableImage : std::runtime_error {
  UnreadableImage(const std::string& what, std::string_view what_to_do)
      : std::runtime_error(what), hint(what_to_do) {}

  std::string_view hint;  ///< Points to static text.
};

// These functions check the file before a decoder reads it, so that messages are the same for every
// format. Damage to parts that no pixel depends on is accepted; the decoders check that all pixels
// are present.

/// Reads a JPEG's segments and scans up to its end-of-image marker. Refuses files whose scans cost
/// far more than their pixels.
ImageHeader read_jpeg_header(std::span<const std::byte> bytes);

/// Reads a PNG's chunks up to IEND and verifies the checksums of those that pixels depend on.
ImageHeader read_png_header(std::span<const std::byte> bytes);

/// Reads a WebP's RIFF chunks up to its image. Refuses animations.
ImageHeader read_webp_header(std::span<const std::byte> bytes);

/// Throws `BrokenImage` unless the decoder found the size that the header gives.
void expect_header_size(const ImageHeader& header, Index width, Index height);

}  // namespace sapiens
