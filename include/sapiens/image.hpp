#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "sapiens/stop_check.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Size of an encoded image.
struct ImageSize {
  Index width = 0;   ///< Pixels per row.
  Index height = 0;  ///< Rows.

  /// Number of pixels.
  constexpr Index pixels() const noexcept { return width * height; }
};

/// Reads the size from the header of a JPEG, PNG or WebP file, without applying EXIF orientation.
/// Decodes no pixels and allocates no memory in proportion to the size, so that a program can
/// refuse a large image early. `name` is used in messages. Throws like `Image::decode`.
ImageSize measure_image(std::span<const std::byte> bytes, const std::string& name);

/// Most pixels that an image may have: 16384 x 16384. Images beyond this or one of the following
/// bounds are refused with `Error(UnsupportedFormat)` if they are files, otherwise with
/// `Error(InvalidArgument)`. The bounds keep the cost of every step proportional to the pixels.
inline constexpr Index kMaxImagePixels = Index{1} << 28;
/// Most pixels along one side, which is the limit of libjpeg.
inline constexpr Index kMaxImageSide = 65500;
/// Largest ratio of the longer side to the shorter one.
inline constexpr Index kMaxImageAspect = 64;
/// The ratio is not limited for images whose longer side is at most this many pixels.
inline constexpr Index kAnyAspectImageSide = 1024;

/// An 8-bit RGB image, rows top to bottom, [height, width, 3].
struct Image {
  Index width = 0;                ///< Pixels per row.
  Index height = 0;               ///< Rows.
  std::vector<std::uint8_t> rgb;  ///< width * height * 3 bytes.

  /// Reads a JPEG, PNG or WebP file exactly as OpenCV's IMREAD_COLOR does: EXIF orientation is
  /// applied, grey is replicated, alpha is dropped and 16 bits are reduced to 8. Throws `Error`:
  /// NotFound, UnsupportedFormat, CorruptFile, OutOfResources.
  static Image read(const std::filesystem::path& path);

  /// The same for a file in memory. `name` is used in messages. Exceptions of `check` pass through.
  static Image decode(std::span<const std::byte> bytes, const std::string& name,
                      const StopCheck& check = {});

  /// Writes a PNG file, replacing an existing one atomically. Throws `Error`: InvalidArgument when
  /// `rgb` does not match the size, WriteFailed, OutOfResources.
  void write_png(const std::filesystem::path& path) const;

  /// The bytes that `write_png` writes. Throws `Error(OutOfResources)`.
  std::vector<std::byte> encode_png(const StopCheck& check = {}) const;
};

}  // namespace sapiens
