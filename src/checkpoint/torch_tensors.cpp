#include "checkpoint/torch_tensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "checkpoint/number_types.hpp"
#include "checkpoint/tensor_arguments.hpp"
#include "core/shape.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

bool is_torch(std::string_view module) noexcept {
  return module == "torch" || module.starts_with("torch.");
}

// Classes that PyTorch wraps tensors in without changing the meaning of their values.
bool is_plain_class(const PickleNode& type) noexcept {
  return type.kind == PickleKind::Global && is_torch(type.text) &&
         (type.name == "Tensor" || type.name == "Parameter" || type.name == "Buffer");
}

// Older versions saved a Parameter (then called Variable) this way, without `_rebuild_parameter`.
bool is_old_parameter(const PickleNode& type) noexcept {
  return type.kind == PickleKind::Global && is_torch(type.text) &&
         (type.name == "Parameter" || type.name == "Variable");
}

// No real tensor has more elements, including one expanded from a single value. The limit keeps
// sums over all tensors of a file far from overflow.
constexpr Index kMaxElements = Index{1} << 40;

// The index of the last element in its storage, or nothing on overflow or a negative number.
std::optional<Index> last_element(const TensorEntry& entry, Index offset) {
  Index last = offset;
  for (std::size_t axis = 0; axis < entry.shape.size(); ++axis) {
    Index reach = 0;
    if (entry.strides[axis] < 0) return std::nullopt;
    if (__builtin_mul_overflow(entry.shape[axis] - 1, entry.strides[axis], &reach)) {
      return std::nullopt;
    }
    if (__builtin_add_overflow(last, reach, &last)) return std::nullopt;
  }
  return last;
}

}  // namespace

TensorBuilder::TensorBuilder(const PickleGraph& graph, FindStorage find_storage, std::string source)
    : graph_(graph), find_storage_(std::move(find_storage)), source_(std::move(source)) {}

/// The state while the calls that make a tensor are unwrapped from the outermost to the innermost.
struct TensorBuilder::Wrapped {
  NodeId node = kNoNode;  ///< The call; kNoNode where only the function is known.
  NodeId callable = kNoNode;
  std::span<const NodeId> args = {};
  std::optional<Unreadable> of_class = {};           ///< The outermost class that is not plain.
  std::optional<std::string_view> device_type = {};  ///< The dtype it had on its device.
  std::optional<std::string> not_understood = {};    ///< The first property that is not understood.

  void note(std::optional<std::string> odd) {
    if (!not_understood) not_understood = std::move(odd);
  }
};

bool TensorBuilder::is_tensor(NodeId node) const noexcept {
  if (node == kNoNode || graph_[node].kind != PickleKind::Object) return false;
  const PickleNode& function = graph_[graph_[node].callable];
  if (function.kind != PickleKind::Global || !is_torch(function.text)) return false;
  if (function.name.starts_with("_rebuild_") || function.name == "ShardedTensor") return true;
  const auto args = graph_.items(graph_[node].args);
  if (!is_old_parameter(function) || args.empty()) return false;
  const PickleNode& inner = graph_[args[0]];
  if (inner.kind != PickleKind::Object) return false;
  const PickleNode& maker = graph_[inner.callable];
  return maker.kind == PickleKind::Global && is_torch(maker.text) &&
         maker.name.starts_with("_rebuild_");
}

std::optional<TensorEntry> TensorBuilder::build(NodeId node, const std::string& path) const {
  if (!is_tensor(node)) return std::nullopt;
  Wrapped tensor{
      .node = node, .callable = graph_[node].callable, .args = graph_.items(graph_[node].args)};
  // Parameters and subclasses wrap the function that makes the tensor; valid files nest a few
  // layers.
  constexpr int kMaxWrappers = 8;
  for (int layer = 0;; ++layer) {
    note_changes(tensor);
    if (layer == kMaxWrappers || !unwrap(tensor)) break;
  }
  const std::string_view function = graph_[tensor.callable].name;
  const bool dense = graph_[tensor.callable].kind == PickleKind::Global &&
                     (function == "_rebuild_tensor" || function == "_rebuild_tensor_v2" ||
                      function == "_rebuild_tensor_v3");
  TensorEntry entry = dense ? rebuild(tensor, path) : describe_kind(tensor);
  // On some devices a tensor has another dtype than its copy on the CPU.
  if (tensor.device_type && dtype_named(&NumberType::torch, *tensor.device_type) != entry.dtype) {
    tensor.note(fmt::format("was of type {} on its device", *tensor.device_type));
  }
  if (tensor.of_class) {
    entry.unreadable = std::move(tensor.of_class);
  } else if (tensor.not_understood && !entry.unreadable) {
    entry.unreadable = unreadable_description(dtype_name(entry.dtype), *tensor.not_understood);
  }
  return entry;
}

// A pickle can go on with a tensor that it has made. Python would assign to elements of the tensor,
// and the values that are stored would not be those that PyTorch loads.
void TensorBuilder::note_changes(Wrapped& tensor) const {
  if (tensor.node == kNoNode) return;
  if (!graph_.items(tensor.node).empty() || !graph_.appended(tensor.node).empty()) {
    tensor.note("has elements that the file assigns after making it");
  }
  const NodeId state = graph_[tensor.node].state;
  if (state == kNoNode) return;
  // (requires_grad, volatile, hooks) of an old parameter; nothing else has any.
  const bool understood =
      is_old_parameter(graph_[tensor.callable]) &&
      std::ranges::all_of(graph_.items(state), [&](NodeId part) {
        return graph_[part].kind == PickleKind::Bool || is_empty_value(graph_, part);
      });
  if (!understood) tensor.note("carries a state of its own");
}

// Unwraps one layer; false when the remaining call makes the tensor itself.
bool TensorBuilder::unwrap(Wrapped& tensor) const {
  const PickleNode& function = graph_[tensor.callable];
  const auto count = tensor.args.size();
  if (function.kind != PickleKind::Global) return false;
  if ((function.name == "_rebuild_parameter" && count == 3) ||
      (function.name == "_rebuild_parameter_with_state" && count == 4) ||
      (is_old_parameter(function) && count >= 1)) {
    if (!is_tensor(tensor.args[0])) return false;
    unwrap_parameter(tensor);
  } else if ((function.name == "_rebuild_from_type_v2" || function.name == "_rebuild_from_type") &&
             count == 4) {
    unwrap_class(tensor);
  } else if (function.name == "_rebuild_device_tensor_from_cpu_tensor" && count == 4 &&
             is_tensor(tensor.args[0])) {
    // (tensor, dtype, device, requires_grad)
    tensor.device_type = graph_[tensor.args[1]].name;
    enter(tensor, tensor.args[0]);
  } else {
    return false;
  }
  return true;
}

// (tensor, requires_grad, hooks, attributes)
void TensorBuilder::unwrap_parameter(Wrapped& tensor) const {
  const auto args = tensor.args;
  if (args.size() >= 3) tensor.note(unknown_autograd(graph_, args[1], args[2]));
  if (args.size() == 4) tensor.note(unknown_attributes(graph_, args[3]));
  enter(tensor, args[0]);
}

void TensorBuilder::enter(Wrapped& tensor, NodeId inner) const {
  tensor.node = inner;
  tensor.callable = graph_[inner].callable;
  tensor.args = graph_.items(graph_[inner].args);
}

// (function, class, arguments, attributes)
void TensorBuilder::unwrap_class(Wrapped& tensor) const {
  const PickleNode& type = graph_[tensor.args[1]];
  if (!is_plain_class(type) && !tensor.of_class) {
    const bool sharded = is_torch(type.text) && type.name == "DTensor";
    tensor.of_class = sharded ? unreadable_kind(type.name)
                              : unreadable_class(fmt::format("{}.{}", type.text, type.name));
  }
  tensor.note(unknown_attributes(graph_, tensor.args[3]));
  tensor.callable = tensor.args[0];
  tensor.args = graph_.items(tensor.args[2]);
  tensor.node = kNoNode;
}

// (storage, offset, size, stride, requires_grad, hooks, [dtype], [metadata]); the storage of
// version 3 does not know the dtype.
TensorEntry TensorBuilder::rebuild(const Wrapped& tensor, const std::string& path) const {
  const auto fail = [&](std::string summary) {
    throw Error(ErrorCode::CorruptFile,
                {.summary = std::move(summary), .file = source_, .key = path});
  };
  const std::string_view function = graph_[tensor.callable].name;
  const bool typed = function != "_rebuild_tensor_v3";
  const std::size_t required = function == "_rebuild_tensor" ? 4 : typed ? 6 : 7;
  const auto args = tensor.args;
  if (args.size() < required) fail("the description of the tensor is damaged");
  const auto storage = read_storage_ref(graph_, args[0], source_);
  if (!storage) fail("the tensor has no storage");

  TensorEntry entry;
  const auto numbers = [&](NodeId node) {
    auto read = read_integers(graph_, node);
    if (!read) fail("the tensor's description lacks a number");
    constexpr std::size_t kMaxAxes = 64;  // PyTorch's own limit
    if (read->size() > kMaxAxes) fail("the tensor has more axes than PyTorch allows");
    return std::move(*read);
  };
  entry.shape = numbers(args[2]);
  entry.strides = numbers(args[3]);
  const auto offset = graph_[args[1]];
  if (offset.kind != PickleKind::Int) fail("the tensor's description lacks a number");

  TensorFlags flags;
  std::optional<std::string> odd;
  if (required > 4) odd = unknown_autograd(graph_, args[4], args[5]);
  if (required > 4 && args.size() > required) flags = read_tensor_flags(graph_, args[required]);
  if (args.size() > (required > 4 ? required + 1 : required)) {
    odd = fmt::format("is made by {} with {} arguments", function, args.size());
  }
  if (!odd) odd = flags.not_understood;

  const std::string_view type = typed ? storage->type : graph_[args[6]].name;
  const std::optional<DType> dtype = typed ? storage->dtype : dtype_named(&NumberType::torch, type);
  if (typed && is_untyped(type)) fail("the tensor has no type");
  if (!dtype) {
    if (!checked_numel(entry.shape)) fail("impossible tensor shape");
    entry.unreadable = unreadable_type(type);
    return entry;
  }
  entry.dtype = *dtype;
  entry.negated = flags.negated;
  if (entry.negated && *dtype == DType::Bool) odd = "is the negation of truth values";

  StorageBytes found = find_storage_(*storage);
  entry.byte_swapped = found.byte_swapped;
  entry.location = std::move(found.location);
  entry.member = std::move(found.member);
  place_tensor(entry, found.bytes, offset.integer, source_, path);
  if (odd) entry.unreadable = unreadable_description(dtype_name(*dtype), std::move(*odd));
  return entry;
}

// Describes a tensor that is not a dense array, with its shape where the description has one.
TensorEntry TensorBuilder::describe_kind(const Wrapped& tensor) const {
  TensorEntry entry;
  const PickleNode& function = graph_[tensor.callable];
  entry.unreadable = unreadable_kind(
      function.kind == PickleKind::Global ? function.name : "a function of the file's own");
  NodeId size = kNoNode;
  const auto args = tensor.args;
  if (function.name == "_rebuild_meta_tensor_no_storage" && args.size() > 1) size = args[1];
  if ((function.name == "_rebuild_qtensor" || function.name == "_rebuild_wrapper_subclass") &&
      args.size() > 2) {
    size = args[2];
  }
  if (function.name.starts_with("_rebuild_sparse") && args.size() > 1) {
    // (layout, (indices, values, size, coalesced)), or two kinds of indices and no last item
    const auto parts = graph_.items(args[1]);
    for (std::size_t i = 2; i < parts.size() && i < 4; ++i) {
      if (!is_tensor(parts[i]) && graph_[parts[i]].kind != PickleKind::Bool) size = parts[i];
    }
  }
  if (size == kNoNode) return entry;
  auto shape = read_integers(graph_, size);
  if (shape && checked_numel(*shape)) entry.shape = std::move(*shape);
  return entry;
}

void place_tensor(TensorEntry& entry, std::span<const std::byte> storage, Index offset,
                  const std::string& source, const std::string& path) {
  const auto fail = [&](std::string summary, std::string actual) {
    throw Error(ErrorCode::CorruptFile, {.summary = std::move(summary),
                                         .file = source,
                                         .key = path,
                                         .actual = std::move(actual),
                                         .hint = "the file is damaged; download it again"});
  };
  const auto numel = checked_numel(entry.shape);
  if (!numel || *numel > kMaxElements) fail("impossible tensor shape", shape_text(entry.shape));
  if (entry.shape.size() != entry.strides.size()) {
    fail("the tensor has more axes than strides, or fewer",
         fmt::format("shape {}, strides {}", shape_text(entry.shape), shape_text(entry.strides)));
  }
  entry.data = storage.data();
  if (*numel == 0) return;

  const auto available = static_cast<Index>(storage.size() / dtype_size(entry.dtype));
  const auto last = last_element(entry, offset);
  if (offset < 0 || !last || *last >= available) {
    fail("the tensor reaches outside its stored data",
         fmt::format("shape {}, strides {}, offset {} in {} elements", shape_text(entry.shape),
                     shape_text(entry.strides), offset, available));
  }
  entry.data += static_cast<std::size_t>(offset) * dtype_size(entry.dtype);
}

}  // namespace sapiens
