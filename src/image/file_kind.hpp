#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace sapiens {

/// Other is what we do not read, and Unknown what we cannot even name.
enum class ImageFormat { Jpeg, Png, WebP, Video, Other, Unknown };

/// What a file looks like by its first bytes; the name plays no part.
struct FileKind {
  ImageFormat format = ImageFormat::Unknown;
  std::string_view description;  ///< "a HEIC image"
  std::string_view hint;         ///< What to do with it; empty for images we read.
};

FileKind detect_file_kind(std::span<const std::byte> bytes) noexcept;

}  // namespace sapiens
