#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace sapiens {

/// Other is a known format that is not supported; Unknown is not recognised.
enum class ImageFormat { Jpeg, Png, WebP, Video, Other, Unknown };

/// The kind of a file by its first bytes; its name is ignored.
struct FileKind {
  ImageFormat format = ImageFormat::Unknown;
  std::string_view description;  ///< "a HEIC image"
  std::string_view hint;         ///< How to convert it; empty for supported images.
};

FileKind detect_file_kind(std::span<const std::byte> bytes) noexcept;

}  // namespace sapiens
