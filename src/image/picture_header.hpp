#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// What stands in a picture's header.
struct PictureSize {
  Index width = 0;
  Index height = 0;
};

/// A break of the format's rules; `Image::decode` turns it into `Error(CorruptFile)`.
struct BrokenPicture : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A file of a known format that we do not read; becomes `Error(UnsupportedFormat)`.
struct UnreadablePicture : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// These walk the whole file, because the decoders are too kind: OpenCV fills the missing part of a
// file that ends early with grey, says so on stderr only, and returns success.

/// Walks a JPEG's segments and scans up to its end-of-image marker.
PictureSize read_jpeg_header(std::span<const std::byte> bytes);

/// Walks a PNG's chunks up to IEND and checks every checksum.
PictureSize read_png_header(std::span<const std::byte> bytes);

/// Walks a WebP's RIFF chunks. Refuses animations.
PictureSize read_webp_header(std::span<const std::byte> bytes);

/// A PNG with only those chunks that decide pixels and orientation. Colour profiles and texts go:
/// OpenCV ignores them, but libpng prints warnings about many harmless ones.
std::vector<std::byte> essential_png(std::span<const std::byte> png);

}  // namespace sapiens
