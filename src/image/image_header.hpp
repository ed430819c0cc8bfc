#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sapiens/image.hpp"
#include "sapiens/stop_check.hpp"
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

// One file for each library, and none of the libraries' types leaves its file. All decoders return
// the pixels of OpenCV 4.6's IMREAD_COLOR before it turns the image, print nothing, and throw
// `BrokenImage`, `UnreadableImage` or `std::bad_alloc`. They allocate for the size in `header`,
// which the caller has found acceptable, and refuse a file in which the library sees another one.
// They call `check`, where it is not empty, between rows or pieces of the file, and end with what
// it throws.

Image decode_jpeg(std::span<const std::byte> bytes, const ImageHeader& header,
                  const StopCheck& check);
Image decode_png(std::span<const std::byte> bytes, const ImageHeader& header,
                 const StopCheck& check);
Image decode_webp(std::span<const std::byte> bytes, const ImageHeader& header,
                  const StopCheck& check);

/// The values that a PNG stores, one per pixel: palette indices or grey levels. Throws
/// `UnreadableImage` for other PNGs and for more than 8 bits.
std::vector<std::uint8_t> decode_png_values(std::span<const std::byte> bytes,
                                            const ImageHeader& header);

/// The orientation, 1 to 8, of an Exif TIFF structure; 1 (upright) where it has none or is damaged,
/// because damaged metadata must not prevent decoding.
int exif_orientation(std::span<const std::byte> tiff);

/// Rotates and mirrors an image that was stored in that orientation.
Image upright(Image stored, int orientation, const StopCheck& check = {});

}  // namespace sapiens
