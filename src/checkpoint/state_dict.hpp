#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sapiens/dtype.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

class FileMap;
class StoredMember;
class ZipArchive;

enum class CheckpointFormat { TorchZip, TorchLegacy, TorchScript, TorchExport, Safetensors };

/// "PyTorch zip", "PyTorch legacy", "TorchScript", "torch.export", "safetensors".
std::string_view format_name(CheckpointFormat format) noexcept;

/// Why the values of a stored tensor cannot be read. Such a tensor is listed like any other, and
/// only a parameter that needs it is refused.
struct Unreadable {
  std::string type = {};    ///< PyTorch's name: "float8_e4m3fn", "sparse", "DTensor".
  std::string reason = {};  ///< What the type means: "complex numbers".
  std::string hint = {};    ///< How to convert it to an ordinary tensor.
};

/// One stored tensor: where its bytes are and how to read them. Nothing has been read yet.
///
/// The reader has proved that every element addressed by `shape` and `strides` lies inside the
/// file.
struct TensorEntry {
  /// The dictionaries the tensor was found in, joined with dots: "state_dict", "model.encoder",
  /// "optimizer.state.0"; empty at top level. TorchScript module trees count as part of `key`.
  std::string container = {};
  /// The name inside `container`: "backbone.layers.0.ln1.weight".
  std::string key = {};
  DType dtype = DType::F32;
  std::vector<Index> shape = {};    ///< Empty for an unreadable tensor of unknown shape.
  std::vector<Index> strides = {};  ///< In elements; 0 for an expanded axis.
  const std::byte* data = nullptr;  ///< The first element, inside the mapped file.
  bool byte_swapped = false;        ///< Stored big-endian.
  /// True where the values are the negated stored numbers, as a lazy negation of PyTorch leaves
  /// them. `read_f32` and `read_raw` apply the negation.
  bool negated = false;
  /// The mapped file that `data` is in, which `StateDict::mapping` keeps; null for other memory.
  const FileMap* map = nullptr;
  std::string location = {};  ///< Where in the file, for messages: "archive/data/17".
  /// The archive member that may have a checksum of the bytes, which is compared before values are
  /// read; null in formats without checksums.
  std::shared_ptr<StoredMember> member = {};
  /// Set where the values cannot be read; `dtype`, `strides` and `data` are meaningless then.
  std::optional<Unreadable> unreadable = {};

  Index numel() const noexcept;
  /// `container` and `key` joined: unique within a file.
  std::string path() const;
  /// The dtype, such as "f32", or the type of an unreadable tensor.
  std::string_view type_name() const noexcept;
};

/// Content of a file that is not a named tensor but that a user may look for.
struct Unreached {
  std::string what = {};  ///< "12 tensors as constants without names (constants/)"
  std::string hint = {};
};

/// The content of a checkpoint file, in file order. Copies share the mapping, which lives as long
/// as any copy.
struct StateDict {
  std::string path;  ///< The path as the caller spelled it.
  CheckpointFormat format = CheckpointFormat::TorchZip;
  std::uint64_t file_bytes = 0;
  std::vector<TensorEntry> tensors;
  /// Safetensors `__metadata__`, and every string or number of a pickle by its dotted path
  /// ("meta.epoch" -> "1600").
  std::map<std::string, std::string> metadata;
  /// Objects of unknown classes, kept as data and never run: "message_hub: mmengine.logging...".
  std::vector<std::string> opaque;
  /// Remarks about content that the reader skipped or interpreted in a way that users should know
  /// of.
  std::vector<std::string> notes;
  std::vector<Unreached> unreached;
  std::shared_ptr<const void> mapping;
  /// Further names of tensors that are stored once: name and index into `tensors`.
  std::vector<std::pair<std::string, std::size_t>> aliases = {};
  /// The archives that make up the file; the innermost one holds the tensors.
  std::vector<std::shared_ptr<const ZipArchive>> archives = {};
};

/// Opens any supported checkpoint by its content; the name plays no part. Executes nothing.
/// Throws `Error` with NotFound, CorruptFile or UnsupportedFormat.
StateDict open_checkpoint(const std::filesystem::path& path);

/// Elements [first, first + out.size()) of the tensor in row-major order, converted to float
/// (f64 rounds to nearest; integers convert). Strides, byte order and a pending negation are
/// resolved. Throws `Error(CorruptFile)` where the file has a checksum of the bytes and it does not
/// match, or where the file was changed or cut short after it was opened (`guard_mapped_files`),
/// `Error(UnsupportedFormat)` for an unreadable tensor; so does `read_raw`.
void read_f32(const TensorEntry& tensor, Index first, std::span<float> out);

/// The same elements in the tensor's own dtype, native byte order; `out` holds whole elements.
void read_raw(const TensorEntry& tensor, Index first, std::span<std::byte> out);

/// Tells the system that the pages behind `tensor` are not needed again soon. They stay readable.
void release_pages(const TensorEntry& tensor) noexcept;

}  // namespace sapiens
