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

class StoredMember;
class ZipArchive;

enum class CheckpointFormat { TorchZip, TorchLegacy, TorchScript, TorchExport, Safetensors };

/// "PyTorch zip", "PyTorch legacy", "TorchScript", "torch.export", "safetensors".
std::string_view format_name(CheckpointFormat format) noexcept;

/// Why the values of a stored tensor are out of reach. Such a tensor is listed like any other; only
/// a parameter that needs it is refused.
struct Unreadable {
  std::string type = {};    ///< "float8_e4m3fn", "sparse", "DTensor": the words of PyTorch.
  std::string reason = {};  ///< What that is: "complex numbers".
  std::string hint = {};    ///< What makes an ordinary tensor of it.
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
  std::vector<Index> shape = {};    ///< Of an unreadable tensor empty where it is unknown.
  std::vector<Index> strides = {};  ///< In elements; 0 for an expanded axis.
  const std::byte* data = nullptr;  ///< The first element, inside the mapped file.
  bool byte_swapped = false;        ///< Stored big-endian.
  /// The values are the stored numbers with the other sign, as a lazy negation of PyTorch leaves
  /// them. `read_f32` and `read_raw` apply it, so nobody else has to.
  bool negated = false;
  bool mapped = false;        ///< `data` is in the mapped file: `release_pages` works.
  std::string location = {};  ///< Where in the file, for messages: "archive/data/17".
  /// Where the file may have a checksum of the bytes; null in formats that know none. Reading
  /// values compares it first.
  std::shared_ptr<StoredMember> member = {};
  /// Set where the values cannot be read; `dtype`, `strides` and `data` then mean nothing.
  std::optional<Unreadable> unreadable = {};

  Index numel() const noexcept;
  /// `container` and `key` joined: unique within a file.
  std::string path() const;
  /// "f32", or the type of an unreadable tensor.
  std::string_view type_name() const noexcept;
};

/// Something in a file that is no named tensor and that a user may look for.
struct Unreached {
  std::string what = {};  ///< "12 tensors as constants without names (constants/)"
  std::string hint = {};
};

/// What a checkpoint file holds, in file order. Copies share the mapping, which lives as long as
/// any copy.
struct StateDict {
  std::string path;  ///< As the caller spelled it.
  CheckpointFormat format = CheckpointFormat::TorchZip;
  std::uint64_t file_bytes = 0;
  std::vector<TensorEntry> tensors;
  /// Safetensors `__metadata__`, and every string or number of a pickle by its dotted path
  /// ("meta.epoch" -> "1600").
  std::map<std::string, std::string> metadata;
  /// Objects of classes we do not know, kept as data and never run: "message_hub:
  /// mmengine.logging...".
  std::vector<std::string> opaque;
  /// What the reader left out or understood in a way that its user should know.
  std::vector<std::string> notes;
  std::vector<Unreached> unreached;
  std::shared_ptr<const void> mapping;
  /// A tensor that is stored once may have further names: name and index into `tensors`.
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
/// match, `Error(UnsupportedFormat)` for an unreadable tensor; so does `read_raw`.
void read_f32(const TensorEntry& tensor, Index first, std::span<float> out);

/// The same elements in the tensor's own dtype, native byte order; `out` holds whole elements.
void read_raw(const TensorEntry& tensor, Index first, std::span<std::byte> out);

/// Tells the system that the pages behind `tensor` are not needed again soon. They stay readable.
void release_pages(const TensorEntry& tensor) noexcept;

}  // namespace sapiens
