#pragma once

#include <filesystem>
#include <string_view>

#include "checkpoint/file_bytes.hpp"
#include "checkpoint/zip.hpp"

/// Telling formats apart by their first bytes, and saying something helpful about files that are
/// no checkpoints.
namespace sapiens {

bool looks_like_zip(std::string_view bytes) noexcept;
bool looks_like_safetensors(std::string_view bytes) noexcept;
/// True for every pickle, PyTorch's or not.
bool looks_like_torch_legacy(std::string_view bytes) noexcept;

/// Throws `Error(UnsupportedFormat)`, or CorruptFile for an empty file, saying what the file looks
/// like and what to do next.
[[noreturn]] void refuse_file(const FileBytes& file);

/// The same for a zip archive that is none of ours.
[[noreturn]] void refuse_archive(const ZipArchive& archive);

/// Throws `Error(UnsupportedFormat)` if `path` is a folder, naming the checkpoint inside if there
/// is one.
void refuse_folder(const std::filesystem::path& path);

/// The same for one file of a distributed checkpoint (`.distcp`, `.metadata`), which looks like a
/// checkpoint of its own: the name is all that tells.
void refuse_distributed(const std::filesystem::path& path);

}  // namespace sapiens
