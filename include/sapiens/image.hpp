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

/// Pixels of an image that is still encoded.
struct ImageSize {
  Index width = 0;
  Index height = 0;

  constexpr Index pixels() const noexcept { return width * height; }
};

/// The size that the header of a JPEG, PNG or WebP says, before EXIF orientation turns it. Decodes
/// nothing and allocates nothing that depends on the size, so that a program can refuse an image
/// before it takes memory. Throws as `Image::decode` does.
ImageSize measure_image(std::span<const std::byte> bytes, const std::string& name);

/// What an image may have, wherever it comes from: pixels in all, pixels along a side, and how many
/// times its shorter side the longer one may be, unless that has `kFreeImageSide` pixels or fewer.
/// Within these bounds the cost of every step follows the number of pixels. Images beyond them are
/// refused with `Error(UnsupportedFormat)` as files, and `Error(InvalidArgument)` otherwise.
inline constexpr Index kMaxImagePixels = Index{1} << 28;  // 16384 x 16384
inline constexpr Index kMaxImageSide = 65500;             // as libjpeg has it
inline constexpr Index kMaxImageAspect = 64;
inline constexpr Index kFreeImageSide = 1024;

/// An 8-bit RGB image, rows top to bottom, [height, width, 3].
struct Image {
  Index width = 0;
  Index height = 0;
  std::vector<std::uint8_t> rgb;

  /// Reads JPEG, PNG or WebP; EXIF orientation applied, grey replicated, alpha dropped, 16 bit
  /// reduced to 8, exactly as OpenCV's IMREAD_COLOR does. Throws `Error` (NotFound,
  /// UnsupportedFormat, CorruptFile).
  static Image read(const std::filesystem::path& path);

  /// The same from bytes in memory; `name` is used in messages.
  static Image decode(std::span<const std::byte> bytes, const std::string& name,
                      const StopCheck& check = {});

  /// Writes a PNG, atomically: a temporary name, then a rename.
  void write_png(const std::filesystem::path& path) const;

  /// The bytes that `write_png` writes. Throws `Error(OutOfResources)`.
  std::vector<std::byte> encode_png(const StopCheck& check = {}) const;
};

}  // namespace sapiens
