#include "checkpoint/graph_tensors.hpp"

#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "checkpoint/pickle_text.hpp"

namespace sapiens {
namespace {

// The kind of a key and its text, so that keys of different kinds are different.
std::optional<std::string> typed_key(const PickleGraph& graph, NodeId node) {
  auto key = read_key(graph, node);
  if (!key) return std::nullopt;
  const PickleKind kind = graph[node].kind;
  const bool text = kind == PickleKind::Text || kind == PickleKind::Bytes;
  key->text.push_back(text ? static_cast<char>(kind) : '\0');
  return std::move(key->text);
}

}  // namespace

template <typename Visit>
void GraphTensors::for_each_child(NodeId node, Visit&& visit) const {
  for (const NodeId item : graph_.items(node)) visit(item);
  for (const NodeId item : graph_.appended(node)) visit(item);
  const PickleNode& value = graph_[node];
  for (const NodeId part : {value.callable, value.args, value.state}) {
    if (part != kNoNode) visit(part);
  }
}

// Marks every ancestor of a tensor, by following a table of parents upwards.
GraphTensors::GraphTensors(const PickleGraph& graph, const TensorBuilder& builder)
    : graph_(graph), builder_(builder), below_(graph.size()), taken_(graph.size()) {
  const auto nodes = static_cast<NodeId>(graph.size());
  std::vector<std::size_t> first(graph.size() + 1);
  for (NodeId node = 0; node < nodes; ++node) {
    for_each_child(node, [&](NodeId child) { ++first[child + 1]; });
  }
  for (std::size_t i = 1; i < first.size(); ++i) first[i] += first[i - 1];
  std::vector<NodeId> parents(first.back());
  std::vector<std::size_t> next(first.begin(), first.end() - 1);
  for (NodeId node = 0; node < nodes; ++node) {
    for_each_child(node, [&](NodeId child) { parents[next[child]++] = node; });
  }

  std::vector<NodeId> waiting;
  const auto mark = [&](NodeId node) {
    if (below_[node]) return;
    below_[node] = true;
    waiting.push_back(node);
  };
  for (NodeId node = 0; node < nodes; ++node) {
    if (builder_.is_tensor(node)) mark(node);
  }
  while (!waiting.empty()) {
    const NodeId node = waiting.back();
    waiting.pop_back();
    for (std::size_t i = first[node]; i < first[node + 1]; ++i) mark(parents[i]);
  }
}

// Depth first from `first`, each value that is not in `seen` once; what is inside a value is
// visited where `enter(value)` says so.
template <typename Enter>
void GraphTensors::visit_below(NodeId first, std::vector<bool>& seen, Enter&& enter) const {
  std::vector<NodeId> waiting;
  const auto mark = [&](NodeId node) {
    if (seen[node]) return;
    seen[node] = true;
    waiting.push_back(node);
  };
  mark(first);
  while (!waiting.empty()) {
    const NodeId node = waiting.back();
    waiting.pop_back();
    if (enter(node)) for_each_child(node, mark);
  }
}

void GraphTensors::take(NodeId node) {
  visit_below(node, taken_, [](NodeId) { return true; });
}

template <typename Claim>
std::size_t GraphTensors::count_below_root(Claim&& claim) const {
  std::vector<bool> seen(graph_.size());
  std::size_t count = 0;
  visit_below(graph_.root, seen, [&](NodeId node) {
    const bool claimed = claim(node);
    count += claimed;  // includes the values that make up the tensor
    return !claimed;
  });
  return count;
}

std::size_t GraphTensors::count_left() const {
  return count_below_root([&](NodeId node) { return !taken_[node] && builder_.is_tensor(node); });
}

std::size_t GraphTensors::count_arrays() const {
  return count_below_root([&](NodeId node) {
    if (graph_[node].kind != PickleKind::Object) return false;
    const NodeId callable = graph_[node].callable;
    return graph_.is_global(callable, "numpy.core.multiarray", "_reconstruct") ||
           graph_.is_global(callable, "numpy._core.multiarray", "_reconstruct") ||
           graph_.is_global(callable, "numpy._core.numeric", "_frombuffer") ||
           graph_.is_global(callable, "numpy.core.numeric", "_frombuffer");
  });
}

std::optional<std::string> GraphTensors::repeated_key(std::span<const NodeId> pairs) const {
  std::unordered_set<std::string> of_tensors;
  std::unordered_set<NodeId> read;
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (!below(pairs[i + 1]) || !read.insert(pairs[i]).second) continue;
    if (auto key = typed_key(graph_, pairs[i])) of_tensors.insert(std::move(*key));
  }
  if (of_tensors.empty()) return std::nullopt;
  // One value of a pickle may be the key of many pairs; its text is read once.
  std::unordered_map<NodeId, std::size_t> occurrences;
  std::unordered_set<std::string> seen;
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    const bool again = ++occurrences[pairs[i]] > 1;
    if (occurrences[pairs[i]] > 2) continue;
    auto key = typed_key(graph_, pairs[i]);
    if (!key || !of_tensors.contains(*key)) continue;
    if (!again && seen.insert(*key).second) continue;
    key->pop_back();
    return key;
  }
  return std::nullopt;
}

std::size_t GraphTensors::count_storages() const {
  return count_below_root(
      [&](NodeId node) { return read_storage_ref(graph_, node, {}).has_value(); });
}

}  // namespace sapiens
