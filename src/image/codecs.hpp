#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "image/image_header.hpp"
#include "sapiens/image.hpp"
#include "sapiens/stop_check.hpp"

namespace sapiens {

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

}  // namespace sapiens
