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

/// The attribute of an OrderedDict's `__dict__` that holds the metadata of a flat checkpoint.
inline constexpr std::string_view kAttributesName = "sapiens_meta";

/// A pickle's description of a storage, the flat array that tensors are views of.
struct StorageRef {
  std::string_view key;   ///< The name of its bytes in the file: "17".
  std::string_view type;  ///< "FloatStorage"
  /// nullopt for UntypedStorage, which is counted in bytes, and for types that are not supported.
  std::optional<DType> dtype;
  std::size_t element = 0;  ///< Bytes per element; 0 for an unknown type.
  Index count = 0;          ///< Elements, or bytes of an UntypedStorage.
  /// The offset in elements where the storage is a view of another one, as in old files.
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

/// Throws `Error(CorruptFile)` where a pickle describes the bytes of one storage as numbers of two
/// types. PyTorch never writes such a file, and takes all of them for the type that it meets first.
void refuse_storages_of_two_types(const PickleGraph& graph, const std::string& source);

/// Whether a storage is counted in bytes, and its tensors alone know their type.
bool is_untyped(std::string_view storage_type) noexcept;

/// Makes tensor entries from a pickle's descriptions and checks every range.
class TensorBuilder {
 public:
  /// `source` names the file in messages.
  TensorBuilder(const PickleGraph& graph, FindStorage find_storage, std::string source);

  /// Whether `node` describes a tensor of any kind.
  bool is_tensor(NodeId node) const noexcept;

  /// The tensor that `node` describes, without container and key; nullopt if it is not a tensor.
  /// `path` is its name in messages. A tensor of an unsupported type or kind, or with a description
  /// that is not understood, is `unreadable`. Throws `Error(CorruptFile)` for a tensor that reaches
  /// outside its storage.
  std::optional<TensorEntry> build(NodeId node, const std::string& path) const;

 private:
  struct Wrapped;
  void note_changes(Wrapped& tensor) const;
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

/// Traverses the dictionaries, lists, objects and module trees of a pickle and stores in `out` its
/// tensors, plain values as metadata, the names of unknown objects, and the number of tensors
/// without a name. Time and memory are bounded even where shared values would make a naive
/// traversal exponential. Throws `Error(CorruptFile)` where a limit is exceeded or two tensors have
/// the same name.
void flatten(const PickleGraph& graph, const TensorBuilder& builder, const std::string& source,
             StateDict& out);

}  // namespace sapiens
