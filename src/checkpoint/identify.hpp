#pragma once

#include <filesystem>
#include <string_view>

#include "checkpoint/file_bytes.hpp"
#include "checkpoint/zip.hpp"

/// Recognises formats by their first bytes, and explains what to do with files that are not
/// checkpoints.
namespace sapiens {

bool looks_like_zip(std::string_view bytes) noexcept;
bool looks_like_safetensors(std::string_view bytes) noexcept;
/// True for every pickle, PyTorch's or not.
bool looks_like_torch_legacy(std::string_view bytes) noexcept;

/// Throws `Error(UnsupportedFormat)`, or CorruptFile for an empty file. The message says what the
/// file looks like and how to get a checkpoint from it.
[[noreturn]] void refuse_file(const FileBytes& file);

/// Does the same for a zip archive of an unknown kind.
[[noreturn]] void refuse_archive(const ZipArchive& archive);

/// Throws `Error(UnsupportedFormat)` if `path` is a folder, naming the checkpoint inside if there
/// is one.
void refuse_folder(const std::filesystem::path& path);

/// Throws the same for one file of a distributed checkpoint (`.distcp`, `.metadata`). Its content
/// looks like that of a checkpoint, so it is recognised by its name.
void refuse_distributed(const std::filesystem::path& path);

}  // namespace sapiens
