#include "checkpoint/pickle_key.hpp"

#include <fmt/format.h>

#include "checkpoint/pickle_text.hpp"

namespace sapiens {
namespace {

// Protocol 2 has no bytes and writes them as `_codecs.encode(text, "latin1")`.
std::optional<std::string> encoded_bytes(const PickleGraph& graph, const PickleNode& call) {
  if (!graph.is_global(call.callable, "_codecs", "encode")) return std::nullopt;
  const auto arguments = graph.items(call.args);
  if (arguments.size() != 2 || graph[arguments[0]].kind != PickleKind::Text) return std::nullopt;
  return latin1_bytes(graph[arguments[0]].text);
}

std::optional<PickleKey> simple_key(const PickleGraph& graph, NodeId node) {
  const PickleNode& key = graph[node];
  switch (key.kind) {
    case PickleKind::Text:
      return PickleKey{.text = std::string(key.text)};
    case PickleKind::Bytes:
      return PickleKey{.text = text_of_bytes(key.text), .from_bytes = true};
    case PickleKind::Int:
    case PickleKind::Bool:
    case PickleKind::Float:
      return PickleKey{.text = number_text(key)};
    case PickleKind::None:
      return PickleKey{.text = "None"};
    case PickleKind::Object:
      if (const auto bytes = encoded_bytes(graph, key)) {
        return PickleKey{.text = text_of_bytes(*bytes), .from_bytes = true};
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string number_text(const PickleNode& node) {
  if (node.kind == PickleKind::Float) return fmt::format("{}", node.real());
  if (node.kind == PickleKind::Bool) return node.integer != 0 ? "true" : "false";
  return fmt::format("{}", node.integer);
}

std::optional<PickleKey> read_key(const PickleGraph& graph, NodeId node) {
  if (auto key = simple_key(graph, node)) return key;
  const PickleNode& value = graph[node];
  if (value.kind == PickleKind::Object) {  // Enum(value), or a subclass of str or int
    const auto arguments = graph.items(value.args);
    if (arguments.size() != 1) return std::nullopt;
    return simple_key(graph, arguments[0]);
  }
  if (value.kind != PickleKind::Tuple) return std::nullopt;
  constexpr std::size_t kMaxParts = 8;
  const auto parts = graph.items(node);
  if (parts.empty() || parts.size() > kMaxParts) return std::nullopt;
  PickleKey joined;
  for (const NodeId part : parts) {
    const auto key = simple_key(graph, part);
    if (!key) return std::nullopt;
    if (!joined.text.empty()) joined.text += '.';
    joined.text += key->text;
    joined.from_bytes = joined.from_bytes || key->from_bytes;
  }
  return joined;
}

}  // namespace sapiens
