#include <fmt/format.h>

#include <unordered_map>

#include "checkpoint/number_types.hpp"
#include "checkpoint/torch_tensors.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// The integer at `position` of a tuple that describes a storage.
Index storage_integer(const PickleGraph& graph, NodeId node, const std::string& source) {
  if (graph[node].kind != PickleKind::Int || graph[node].integer < 0) {
    throw Error(ErrorCode::CorruptFile,
                {.summary = "the description of a storage is damaged", .file = source});
  }
  return graph[node].integer;
}

}  // namespace

bool is_untyped(std::string_view storage_type) noexcept {
  return storage_type == "UntypedStorage" || storage_type == "_UntypedStorage";
}

std::optional<StorageRef> read_storage_ref(const PickleGraph& graph, NodeId node,
                                           const std::string& source) {
  if (graph[node].kind != PickleKind::Persistent) return std::nullopt;
  // ('storage', torch.FloatStorage, '17', 'cpu', 1024), in old files with a view at the end
  const auto parts = graph.items(graph[node].args);
  if (parts.size() < 5 || graph[parts[0]].text != "storage") return std::nullopt;
  const PickleNode& type = graph[parts[1]];
  const PickleNode& key = graph[parts[2]];
  if (type.kind != PickleKind::Global || key.kind != PickleKind::Text) return std::nullopt;

  StorageRef ref{
      .key = key.text, .type = type.name, .dtype = dtype_named(&NumberType::storage, type.name)};
  if (ref.dtype) {
    ref.element = dtype_size(*ref.dtype);
  } else if (is_untyped(ref.type)) {
    ref.element = 1;
  } else if (const NumberType* const other = find_other_type(ref.type)) {
    ref.element = static_cast<std::size_t>(other->bits) / 8;
  }
  ref.count = storage_integer(graph, parts[4], source);
  if (parts.size() > 6) return std::nullopt;
  if (parts.size() > 5 && graph[parts[5]].kind != PickleKind::None) {
    const auto view = graph.items(parts[5]);  // (key, offset, count)
    if (view.size() != 3) return std::nullopt;
    ref.view_offset = storage_integer(graph, view[1], source);
    ref.view_count = storage_integer(graph, view[2], source);
  }
  return ref;
}

void refuse_storages_of_two_types(const PickleGraph& graph, const std::string& source) {
  std::unordered_map<std::string_view, std::string_view> types;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const auto storage = read_storage_ref(graph, id, source);
    if (!storage) continue;
    const auto [known, inserted] = types.emplace(storage->key, storage->type);
    if (inserted || known->second == storage->type) continue;
    throw Error(ErrorCode::CorruptFile,
                {.summary = "a storage has two types",
                 .file = source,
                 .key = std::string(storage->key),
                 .actual = fmt::format("{} and {}", known->second, storage->type),
                 .hint = "PyTorch would read other values; write the file again with torch.save"});
  }
}

}  // namespace sapiens
