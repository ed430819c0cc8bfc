#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

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

/// The content of an image file, copied, because decoders look at bytes more than once and the file
/// may change meanwhile. Of a file of another kind only its start, which tells the kind.
///
/// Throws `Error`: as FileMap, CorruptFile for a file that changes while it is copied,
/// UnsupportedFormat for one of more than 1 GiB, OutOfResources.
std::vector<std::byte> read_image_file(const std::filesystem::path& path);

}  // namespace sapiens
