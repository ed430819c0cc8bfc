#include "checkpoint/object_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "checkpoint/tensor_arguments.hpp"

namespace sapiens {
namespace {

bool is_reconstructor(const PickleGraph& graph, NodeId callable) {
  return graph.is_global(callable, "copyreg", "_reconstructor") ||
         graph.is_global(callable, "copy_reg", "_reconstructor");
}

bool is_pair(const PickleGraph& graph, NodeId node) {
  const PickleKind kind = graph[node].kind;
  if (kind != PickleKind::List && kind != PickleKind::Tuple) return false;
  const auto parts = graph.items(node);
  return parts.size() == 2 && graph[parts[0]].kind == PickleKind::Text;
}

}  // namespace

NodeId find_item(const PickleGraph& graph, NodeId dict, std::string_view key) {
  if (dict == kNoNode) return kNoNode;
  const PickleKind kind = graph[dict].kind;
  if (kind != PickleKind::Dict && kind != PickleKind::Object) return kNoNode;
  const auto items = graph.items(dict);
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (graph[items[i]].kind == PickleKind::Text && graph[items[i]].text == key) {
      return items[i + 1];
    }
  }
  return kNoNode;
}

std::string class_name(const PickleGraph& graph, NodeId callable) {
  const PickleNode* node = &graph[callable];
  // Old files keep ('module', class, file, source) for the class of a module.
  if (node->kind == PickleKind::Persistent) {
    const auto parts = graph.items(node->args);
    if (parts.size() > 1) node = &graph[parts[1]];
  }
  if (node->kind != PickleKind::Global) return "an object of a computed class";
  return fmt::format("{}.{}", node->text, node->name);
}

bool is_dict_class(const PickleGraph& graph, NodeId callable) {
  return graph.is_global(callable, "collections", "OrderedDict") ||
         graph.is_global(callable, "collections", "defaultdict") ||
         graph.is_global(callable, "builtins", "dict") ||
         graph.is_global(callable, "__builtin__", "dict");
}

Attributes attributes_of(const PickleGraph& graph, NodeId object) {
  Attributes found;
  // A state may be a pair of states, each of which may be a pair again; valid files nest a few
  // levels.
  constexpr std::size_t kMaxStates = 64;
  std::vector<NodeId> waiting;
  if (graph[object].state != kNoNode) waiting.push_back(graph[object].state);
  for (std::size_t seen = 0; seen < waiting.size() && seen < kMaxStates; ++seen) {
    const NodeId state = waiting[seen];
    const auto parts = graph.items(state);
    if (is_filled_dict(graph, state)) {
      found.dicts.push_back(state);
    } else if (graph[state].kind == PickleKind::Tuple && parts.size() == 2 &&
               std::ranges::all_of(parts, [&](NodeId part) {
                 return graph[part].kind == PickleKind::Tuple || is_empty_value(graph, part) ||
                        is_filled_dict(graph, part);
               })) {
      waiting.insert(waiting.end(), parts.begin(), parts.end());
    } else if (!is_empty_value(graph, state)) {
      found.other = state;
    }
  }
  return found;
}

std::optional<std::span<const NodeId>> called_with_items(const PickleGraph& graph, NodeId object,
                                                         MadeItems& made) {
  const PickleNode& call = graph[object];
  const auto arguments = graph.items(call.args);
  NodeId data = arguments.size() == 1 ? arguments[0] : kNoNode;
  // Protocols 0 and 1: _reconstructor(class, dict, {...})
  if (arguments.size() == 3 && is_reconstructor(graph, call.callable)) data = arguments[2];
  if (data == kNoNode) return std::nullopt;
  if (is_filled_dict(graph, data)) return graph.items(data);
  const auto pairs = graph.items(data);
  const bool list = graph[data].kind == PickleKind::List || graph[data].kind == PickleKind::Tuple;
  if (!list || pairs.empty() ||
      !std::ranges::all_of(pairs, [&](NodeId pair) { return is_pair(graph, pair); })) {
    return std::nullopt;
  }
  const auto [entry, is_new] = made.try_emplace(data);
  std::vector<NodeId>& flat = entry->second;
  if (!is_new) return flat;
  for (const NodeId pair : pairs) {
    flat.push_back(graph.items(pair)[0]);
    flat.push_back(graph.items(pair)[1]);
  }
  return flat;
}

std::vector<std::string_view> non_persistent_buffers(const PickleGraph& graph, NodeId state) {
  const NodeId set = find_item(graph, state, "_non_persistent_buffers_set");
  if (set == kNoNode) return {};
  auto names = graph.items(set);
  if (graph[set].kind == PickleKind::Object) {  // set([...]), as protocol 2 has it
    const auto arguments = graph.items(graph[set].args);
    names = arguments.size() == 1 ? graph.items(arguments[0]) : std::span<const NodeId>();
  }
  std::vector<std::string_view> found;
  for (const NodeId name : names) {
    if (graph[name].kind == PickleKind::Text) found.push_back(graph[name].text);
  }
  return found;
}

std::size_t ObjectLevels::cost(NodeId object) const {
  constexpr std::size_t kMaxLookedAt = 3;
  const auto arguments = graph_.items(graph_[object].args);
  std::size_t cost = 0;
  for (const NodeId argument : arguments.first(std::min(arguments.size(), kMaxLookedAt))) {
    cost += graph_.items(argument).size();
  }
  return cost;
}

std::vector<Level> ObjectLevels::of(NodeId node, const Level& place) {
  const NodeId args = graph_[node].args;
  const auto arguments = graph_.items(args);
  const auto items = graph_.items(node);
  const auto called_with = called_with_items(graph_, node, made_);
  const auto of_call = called_with.value_or(std::span<const NodeId>());

  std::vector<Level> parts;
  if (!expanded_[node] && tensors_.below(graph_[node].state)) {
    add_attributes(node, place, hidden_by(items, of_call), parts);
  }
  const auto add = [&](std::span<const NodeId> list, Level part) {
    part.container = place.container;
    part.items = list;
    if (!list.empty()) parts.push_back(std::move(part));
  };
  if (called_with) {
    add(of_call, {.pairs = true, .hidden = hidden_by(items, {})});
  } else if (tensors_.below(args) && !expanded_[node]) {
    add(arguments, {.attributes = true});
  }
  add(graph_.appended(node), {});
  add(items, {.pairs = true});
  expanded_[node] = true;
  return parts;
}

// Where a name occurs twice, the first one counts; null where nothing is hidden.
std::shared_ptr<const Hidden> ObjectLevels::hidden_by(std::span<const NodeId> first,
                                                      std::span<const NodeId> second) const {
  if (first.empty() && second.empty()) return nullptr;
  auto hidden = std::make_shared<Hidden>();
  for (const auto& items : {first, second}) {
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (graph_[items[i]].kind == PickleKind::Text) {
        hidden->emplace(graph_[items[i]].text, items[i + 1]);
      }
    }
  }
  return hidden;
}

void ObjectLevels::add_attributes(NodeId node, const Level& place,
                                  std::shared_ptr<const Hidden> hidden,
                                  std::vector<Level>& parts) const {
  const Attributes attributes = attributes_of(graph_, node);
  Level part = place;
  part.attributes = true;
  if (const NodeId other = attributes.other; other != kNoNode) {
    part.items = graph_.items(other);
    if (!part.items.empty()) parts.push_back(part);
  }
  part.pairs = true;
  part.hidden = std::move(hidden);
  for (auto dict = attributes.dicts.rbegin(); dict != attributes.dicts.rend(); ++dict) {
    if (*dict == node || !tensors_.below(*dict)) continue;  // addict's Dict is its own state
    part.items = graph_.items(*dict);
    parts.push_back(part);
  }
}

}  // namespace sapiens
