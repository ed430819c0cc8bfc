#include "checkpoint/tensor_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sapiens {
namespace {

// These attributes change the values of a tensor.
constexpr std::array<std::string_view, 4> kValueAttributes = {"data", "real", "imag", "_data"};

constexpr std::size_t kShownName = 60;
// The most extents, flags or attributes of one tensor. A description may be read many times, so it
// must be short.
constexpr std::size_t kMaxValues = 256;

bool is_plain(const PickleGraph& graph, NodeId node) {
  switch (graph[node].kind) {
    case PickleKind::None:
    case PickleKind::Bool:
    case PickleKind::Int:
    case PickleKind::BigInt:
    case PickleKind::Float:
    case PickleKind::Text:
      return true;
    default:
      return is_empty_value(graph, node);
  }
}

std::optional<std::string> unknown_attribute(const PickleGraph& graph, NodeId key, NodeId value) {
  const std::string_view name = graph[key].text.substr(0, kShownName);
  if (graph[key].kind != PickleKind::Text) return "carries an attribute without a name";
  if (std::ranges::find(kValueAttributes, name) != kValueAttributes.end() ||
      !is_plain(graph, value)) {
    return fmt::format("carries the attribute \"{}\", which may change what its numbers mean",
                       name);
  }
  return std::nullopt;
}

}  // namespace

bool is_empty_value(const PickleGraph& graph, NodeId node) {
  const PickleNode& value = graph[node];
  if (!graph.items(node).empty()) return false;
  if (value.kind != PickleKind::Object) {
    return value.kind == PickleKind::None || value.kind == PickleKind::Dict ||
           value.kind == PickleKind::List || value.kind == PickleKind::Tuple;
  }
  if (!graph.is_global(value.callable, "collections", "OrderedDict")) return false;
  if (value.state != kNoNode || !graph.appended(node).empty()) return false;
  // Python 2 gives the items as an argument: OrderedDict([]).
  const auto args = graph.items(value.args);
  if (args.empty()) return true;
  return args.size() == 1 && graph[args[0]].kind == PickleKind::List &&
         graph.items(args[0]).empty();
}

bool is_filled_dict(const PickleGraph& graph, NodeId node) {
  if (node == kNoNode) return false;
  const PickleKind kind = graph[node].kind;
  return kind == PickleKind::Dict || (kind == PickleKind::Object && !graph.items(node).empty());
}

std::optional<std::vector<Index>> read_integers(const PickleGraph& graph, NodeId node) {
  const PickleNode& value = graph[node];
  if (value.kind == PickleKind::Object && graph.is_global(value.callable, "torch", "Size")) {
    const auto args = graph.items(value.args);
    if (args.size() == 1) node = args[0];
  }
  if (graph[node].kind != PickleKind::Tuple && graph[node].kind != PickleKind::List) {
    return std::nullopt;
  }
  if (graph.items(node).size() > kMaxValues) return std::nullopt;
  std::vector<Index> numbers;
  for (const NodeId item : graph.items(node)) {
    if (graph[item].kind != PickleKind::Int) return std::nullopt;
    numbers.push_back(graph[item].integer);
  }
  return numbers;
}

TensorFlags read_tensor_flags(const PickleGraph& graph, NodeId metadata) {
  TensorFlags flags;
  if (is_empty_value(graph, metadata)) return flags;
  if (!is_filled_dict(graph, metadata)) {
    flags.not_understood = "carries metadata of an unknown form";
    return flags;
  }
  const auto items = graph.items(metadata);
  if (items.size() > kMaxValues) flags.not_understood = "carries countless flags";
  if (flags.not_understood) return flags;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const PickleNode& key = graph[items[i]];
    const PickleNode& value = graph[items[i + 1]];
    const bool known = key.kind == PickleKind::Text && value.kind == PickleKind::Bool;
    if (known && key.text == "neg") {
      flags.negated = value.integer != 0;
    } else if (known && key.text == "conj") {
      if (value.integer != 0) flags.not_understood = "is the conjugate of what is stored";
    } else {
      flags.not_understood =
          fmt::format("carries the flag \"{}\", which this program does not know",
                      key.text.substr(0, kShownName));
    }
  }
  return flags;
}

std::optional<std::string> unknown_attributes(const PickleGraph& graph, NodeId state) {
  if (state == kNoNode || is_empty_value(graph, state)) return std::nullopt;
  // (__dict__, __slots__)
  std::array<NodeId, 2> parts = {state, kNoNode};
  if (graph[state].kind == PickleKind::Tuple && graph.items(state).size() == 2) {
    parts = {graph.items(state)[0], graph.items(state)[1]};
  }
  for (const NodeId part : parts) {
    if (part == kNoNode || is_empty_value(graph, part)) continue;
    if (!is_filled_dict(graph, part)) return "carries a state of its own";
    const auto items = graph.items(part);
    if (items.size() > kMaxValues) return "carries countless attributes";
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (auto odd = unknown_attribute(graph, items[i], items[i + 1])) return odd;
    }
  }
  return std::nullopt;
}

std::optional<std::string> unknown_autograd(const PickleGraph& graph, NodeId requires_grad,
                                            NodeId hooks) {
  const PickleNode& flag = graph[requires_grad];
  if (flag.kind != PickleKind::Bool && flag.kind != PickleKind::Int) {
    return "has something that is no yes or no for requires_grad";
  }
  if (!is_empty_value(graph, hooks)) return "carries hooks";
  return std::nullopt;
}

}  // namespace sapiens
