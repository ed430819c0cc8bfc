#pragma once

#include "checkpoint/file_bytes.hpp"
#include "checkpoint/state_dict.hpp"
#include "checkpoint/zip.hpp"

/// One function per container. Each fills `format`, `tensors`, `metadata` and `opaque` of `out`
/// and throws `Error` (CorruptFile, UnsupportedFormat) for a file that breaks the format's rules.
namespace sapiens {

/// A header of JSON, then the numbers.
void read_safetensors(const FileBytes& file, StateDict& out);

/// `torch.save` since 1.6 and `torch.jit.save`: a zip archive with data.pkl and data/<n>.
void read_torch_zip(const ZipArchive& archive, StateDict& out);
/// Whether read_torch_zip is the reader for this archive.
bool is_torch_zip(const ZipArchive& archive) noexcept;

/// `torch.export.save`: programs with their weights, in either of its two arrangements.
void read_torch_export(const ZipArchive& archive, StateDict& out);
bool is_torch_export(const ZipArchive& archive) noexcept;

/// `torch.save` before 1.6: several pickles, then the storages one after the other.
void read_torch_legacy(const FileBytes& file, StateDict& out);

/// Chooses the reader by the first bytes; throws UnsupportedFormat naming what the file looks
/// like. The entry point that the fuzzers call.
void read_checkpoint(const FileBytes& file, StateDict& out);

}  // namespace sapiens
