#include "checkpoint/torch_tensors.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

struct TorchType {
  std::string_view storage;
  std::string_view name;
  DType dtype;
};

constexpr std::array kTorchTypes = {
    TorchType{"DoubleStorage", "float64", DType::F64},
    TorchType{"FloatStorage", "float32", DType::F32},
    TorchType{"HalfStorage", "float16", DType::F16},
    TorchType{"BFloat16Storage", "bfloat16", DType::BF16},
    TorchType{"LongStorage", "int64", DType::I64},
    TorchType{"IntStorage", "int32", DType::I32},
    TorchType{"ShortStorage", "int16", DType::I16},
    TorchType{"CharStorage", "int8", DType::I8},
    TorchType{"ByteStorage", "uint8", DType::U8},
    TorchType{"BoolStorage", "bool", DType::Bool},
};

// Kinds of tensors that have no dense array of numbers behind them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kOtherTensors = {{
    {"_rebuild_sparse_tensor", "sparse tensors"},
    {"_rebuild_sparse_csr_tensor", "sparse tensors"},
    {"_rebuild_qtensor", "quantised tensors"},
    {"_rebuild_nested_tensor", "nested tensors"},
    {"_rebuild_meta_tensor_no_storage", "meta tensors, which have no values,"},
    {"_rebuild_wrapper_subclass", "tensors of a wrapper class"},
    {"_rebuild_device_tensor_from_numpy", "tensors kept as NumPy arrays"},
}};

bool is_untyped(std::string_view storage_type) noexcept {
  return storage_type == "UntypedStorage" || storage_type == "_UntypedStorage";
}

// Integer `position` of a tuple that describes a storage.
Index storage_integer(const PickleGraph& graph, NodeId node, const std::string& source) {
  if (graph[node].kind != PickleKind::Int || graph[node].integer < 0) {
    throw Error(ErrorCode::CorruptFile,
                {.summary = "the description of a storage is damaged", .file = source});
  }
  return graph[node].integer;
}

[[noreturn]] void refuse(std::string_view what, const std::string& source,
                         const std::string& path) {
  throw Error(ErrorCode::UnsupportedFormat,
              {.summary = fmt::format("{} are not supported", what),
               .file = source,
               .key = path,
               .hint = "convert the tensor in PyTorch, e.g. with .float(), and save again"});
}

[[noreturn]] void refuse_type(std::string_view type, const std::string& source,
                              const std::string& path) {
  refuse(fmt::format("tensors of type {}", type), source, path);
}

}  // namespace

std::optional<DType> dtype_of_storage(std::string_view storage_type) noexcept {
  for (const TorchType& type : kTorchTypes) {
    if (type.storage == storage_type) return type.dtype;
  }
  return std::nullopt;
}

std::string_view storage_of_dtype(DType dtype) noexcept {
  for (const TorchType& type : kTorchTypes) {
    if (type.dtype == dtype) return type.storage;
  }
  return "?";
}

std::optional<DType> dtype_of_torch(std::string_view name) noexcept {
  for (const TorchType& type : kTorchTypes) {
    if (type.name == name) return type.dtype;
  }
  return std::nullopt;
}

std::optional<StorageRef> read_storage_ref(const PickleGraph& graph, NodeId node,
                                           const std::string& source, const std::string& path) {
  if (graph[node].kind != PickleKind::Persistent) return std::nullopt;
  // ('storage', torch.FloatStorage, '17', 'cpu', 1024), in old files with a view at the end
  const auto parts = graph.items(graph[node].args);
  if (parts.size() < 5 || graph[parts[0]].text != "storage") return std::nullopt;
  const PickleNode& type = graph[parts[1]];
  const PickleNode& key = graph[parts[2]];
  if (type.kind != PickleKind::Global || key.kind != PickleKind::Text) return std::nullopt;

  StorageRef ref{.key = key.text, .type = type.name, .dtype = dtype_of_storage(type.name)};
  ref.count = storage_integer(graph, parts[4], source);
  if (!ref.dtype && !is_untyped(ref.type)) refuse_type(ref.type, source, path);
  if (parts.size() > 5 && graph[parts[5]].kind == PickleKind::Tuple) {
    const auto view = graph.items(parts[5]);  // (key, offset, count)
    if (view.size() != 3) return std::nullopt;
    ref.view_offset = storage_integer(graph, view[1], source);
    ref.view_count = storage_integer(graph, view[2], source);
  }
  return ref;
}

TensorBuilder::TensorBuilder(const PickleGraph& graph, FindStorage find_storage, std::string source)
    : graph_(graph), find_storage_(std::move(find_storage)), source_(std::move(source)) {}

std::optional<TensorEntry> TensorBuilder::build(NodeId node, const std::string& path) const {
  // Parameters and subclasses wrap the function that makes the tensor; a few layers are honest.
  constexpr int kMostWrappers = 8;
  if (graph_[node].kind != PickleKind::Object) return std::nullopt;
  NodeId callable = graph_[node].callable;
  auto args = graph_.items(graph_[node].args);
  for (int layer = 0; layer < kMostWrappers; ++layer) {
    const PickleNode& function = graph_[callable];
    if (function.kind != PickleKind::Global || !function.text.starts_with("torch")) break;
    if (function.name == "_rebuild_tensor" || function.name == "_rebuild_tensor_v2") {
      return rebuild(args, path, std::nullopt);
    }
    if (function.name == "_rebuild_tensor_v3") return rebuild(args, path, 6);
    for (const auto& [name, description] : kOtherTensors) {
      if (function.name == name) refuse(description, source_, path);
    }
    if (function.name.starts_with("_rebuild_parameter") && !args.empty()) {
      const PickleNode& wrapped = graph_[args[0]];  // (tensor, requires_grad, hooks)
      if (wrapped.kind != PickleKind::Object) break;
      callable = wrapped.callable;
      args = graph_.items(wrapped.args);
    } else if (function.name == "_rebuild_from_type_v2" && args.size() >= 3) {
      callable = args[0];  // (function, class, arguments, state)
      args = graph_.items(args[2]);
    } else {
      break;
    }
  }
  return std::nullopt;
}

// (storage, offset, size, stride, ...), of which the storage alone may know the dtype
TensorEntry TensorBuilder::rebuild(std::span<const NodeId> args, const std::string& path,
                                   std::optional<std::size_t> dtype_arg) const {
  const auto fail = [&](std::string summary) {
    throw Error(ErrorCode::CorruptFile,
                {.summary = std::move(summary), .file = source_, .key = path});
  };
  if (args.size() < 4 || (dtype_arg && args.size() <= *dtype_arg)) {
    fail("the description of the tensor is damaged");
  }
  const auto storage = read_storage_ref(graph_, args[0], source_, path);
  if (!storage) fail("the tensor has no storage");

  TensorEntry entry;
  std::optional<DType> dtype = storage->dtype;
  if (dtype_arg) {
    dtype = dtype_of_torch(graph_[args[*dtype_arg]].name);
    if (!dtype) refuse_type(graph_[args[*dtype_arg]].name, source_, path);
  }
  if (!dtype) fail("the tensor has no type");
  entry.dtype = *dtype;
  entry.shape = integers(args[2], path);
  entry.strides = integers(args[3], path);

  StorageBytes found = find_storage_(*storage);
  entry.byte_swapped = found.byte_swapped;
  entry.location = std::move(found.location);
  entry.member = std::move(found.member);
  place_tensor(entry, found.bytes, integer(args[1], path), source_, path);
  return entry;
}

Index TensorBuilder::integer(NodeId node, const std::string& path) const {
  if (graph_[node].kind != PickleKind::Int) {
    throw Error(
        ErrorCode::CorruptFile,
        {.summary = "the tensor's description lacks a number", .file = source_, .key = path});
  }
  return graph_[node].integer;
}

// A tuple, or torch.Size(tuple) as old files have it.
std::vector<Index> TensorBuilder::integers(NodeId node, const std::string& path) const {
  const PickleNode& value = graph_[node];
  if (value.kind == PickleKind::Object && graph_.is_global(value.callable, "torch", "Size")) {
    const auto args = graph_.items(value.args);
    if (args.size() == 1) node = args[0];
  }
  constexpr std::size_t kMostAxes = 64;  // PyTorch's own limit
  const auto items = graph_.items(node);
  if (items.size() > kMostAxes) {
    throw Error(ErrorCode::CorruptFile, {.summary = "the tensor has more axes than PyTorch allows",
                                         .file = source_,
                                         .key = path,
                                         .actual = fmt::format("{} axes", items.size())});
  }
  std::vector<Index> numbers;
  for (const NodeId item : items) numbers.push_back(integer(item, path));
  return numbers;
}

}  // namespace sapiens
