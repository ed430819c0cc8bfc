#pragma once

#include <string_view>

#include "checkpoint/file_bytes.hpp"
#include "checkpoint/state_dict.hpp"
#include "checkpoint/zip.hpp"

/// One function per container. Each fills `format`, `tensors`, `metadata` and `opaque` of `out`
/// and throws `Error` (CorruptFile, UnsupportedFormat) for a file that breaks the format's rules.
namespace sapiens {

/// Reads safetensors: a JSON header, followed by the data.
void read_safetensors(const FileBytes& file, StateDict& out);

/// Reads files of `torch.save` since 1.6 and of `torch.jit.save`: a zip archive with data.pkl and
/// data/<n>.
void read_torch_zip(const ZipArchive& archive, StateDict& out);
/// Whether read_torch_zip is the reader for this archive.
bool is_torch_zip(const ZipArchive& archive) noexcept;
/// What the record "byteorder" of the archive's folder says; without one, as before torch 2.0,
/// false. Throws CorruptFile for anything but "little" and "big".
bool is_big_endian(const ZipArchive& archive, std::string_view folder);

/// Reads files of `torch.export.save`, programs with their parameters, in either of two layouts.
void read_torch_export(const ZipArchive& archive, StateDict& out);
bool is_torch_export(const ZipArchive& archive) noexcept;

/// Reads files of `torch.save` before 1.6: several pickles, followed by the storages.
void read_torch_legacy(const FileBytes& file, StateDict& out);

/// Chooses the reader by the first bytes; throws UnsupportedFormat that says what the file looks
/// like. The fuzzers call this entry point.
void read_checkpoint(const FileBytes& file, StateDict& out);

}  // namespace sapiens
