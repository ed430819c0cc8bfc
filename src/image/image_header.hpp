#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// What stands in an image's header.
struct ImageHeader {
  Index width = 0;
  Index height = 0;
  std::span<const std::byte> exif = {};   ///< The TIFF structure inside; empty without one.
  std::span<const std::byte> coded = {};  ///< Of a WebP: the chunk that holds the image.
  bool ends_early = false;  ///< Its end marker is missing; the decoder finds out what else is.
};

/// A break of the format's rules; `Image::decode` turns it into `Error(CorruptFile)`.
struct BrokenImage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A file of a known format that we do not read; becomes `Error(UnsupportedFormat)`.
struct UnreadableImage : std::runtime_error {
  UnreadableImage(const std::string& what, std::string_view what_to_do)
      : std::runtime_error(what), hint(what_to_do) {}

  std::string_view hint;  ///< Points to static text.
};

// These walk the file before a decoder sees it, so that what is wrong can be said in the same words
// for every format. What no pixel depends on may be damaged or missing; the decoders see to it that
// all pixels are there.

/// Walks a JPEG's segments and scans up to its end-of-image marker. Refuses those whose scans cost
/// far more than their pixels.
ImageHeader read_jpeg_header(std::span<const std::byte> bytes);

/// Walks a PNG's chunks up to IEND and checks the checksums of those that pixels depend on.
ImageHeader read_png_header(std::span<const std::byte> bytes);

/// Walks a WebP's RIFF chunks up to its image. Refuses animations.
ImageHeader read_webp_header(std::span<const std::byte> bytes);

/// Throws `BrokenImage` unless a decoder found the size that the header was understood to say.
void expect_header_size(const ImageHeader& header, Index width, Index height);

}  // namespace sapiens
