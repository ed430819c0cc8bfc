#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "checkpoint/pickle.hpp"
#include "checkpoint/state_dict.hpp"

namespace sapiens {

/// The attribute of an OrderedDict's `__dict__` in which we keep a flat checkpoint's notes.
inline constexpr std::string_view kAttributesName = "sapiens_meta";

/// What a pickle says about a storage: the flat array that tensors are windows onto.
struct StorageRef {
  std::string_view key;   ///< The name of its bytes in the file: "17".
  std::string_view type;  ///< "FloatStorage"
  /// Nothing for UntypedStorage, which is counted in bytes, and for types that we do not read.
  std::optional<DType> dtype;
  std::size_t element = 0;  ///< Bytes per element; 0 for a type that we have never heard of.
  Index count = 0;          ///< Elements, or bytes of an UntypedStorage.
  /// Old files know storages that are windows onto other storages; in elements.
  Index view_offset = 0;
  std::optional<Index> view_count = {};
};

/// The bytes of a storage.
struct StorageBytes {
  std::span<const std::byte> bytes = {};
  bool byte_swapped = false;
  std::string location = {};  ///< "archive/data/17"
  std::shared_ptr<StoredMember> member = {};
};

using FindStorage = std::function<StorageBytes(const StorageRef&)>;

/// Reads the persistent id of a storage; nothing if `node` is something else.
/// Throws `Error(CorruptFile)`.
std::optional<StorageRef> read_storage_ref(const PickleGraph& graph, NodeId node,
                                           const std::string& source);

/// Whether a storage is counted in bytes, and its tensors alone know their type.
bool is_untyped(std::string_view storage_type) noexcept;

/// DType of "FloatStorage", "HalfStorage", ...; nothing for an unknown one.
std::optional<DType> dtype_of_storage(std::string_view storage_type) noexcept;
std::string_view storage_of_dtype(DType dtype) noexcept;
/// DType of "float32", "bfloat16", ...: the names in `torch`.
std::optional<DType> dtype_of_torch(std::string_view name) noexcept;

/// Makes tensor entries out of what a pickle says, with every range checked.
class TensorBuilder {
 public:
  /// `source` names the file in messages.
  TensorBuilder(const PickleGraph& graph, FindStorage find_storage, std::string source);

  /// Whether `node` would become a tensor, of whatever kind.
  bool is_tensor(NodeId node) const noexcept;

  /// The tensor that `node` rebuilds, without container and key; nothing if it is no tensor.
  /// `path` is its name in messages. A tensor of a type or kind that we do not read, or about which
  /// the file says something that we do not understand, is `unreadable`. Throws
  /// `Error(CorruptFile)` for a tensor that reaches outside its storage.
  std::optional<TensorEntry> build(NodeId node, const std::string& path) const;

 private:
  struct Wrapped;
  bool unwrap(Wrapped& tensor) const;
  void enter(Wrapped& tensor, NodeId inner) const;
  void unwrap_parameter(Wrapped& tensor) const;
  void unwrap_class(Wrapped& tensor) const;
  TensorEntry rebuild(const Wrapped& tensor, const std::string& path) const;
  TensorEntry describe_kind(const Wrapped& tensor) const;

  const PickleGraph& graph_;
  FindStorage find_storage_;
  std::string source_;
};

/// Sets `entry.data` to the element `offset` of `storage`, after proving that every element of the
/// tensor lies inside. `path` names the tensor in messages.
void place_tensor(TensorEntry& entry, std::span<const std::byte> storage, Index offset,
                  const std::string& source, const std::string& path);

}  // namespace sapiens
