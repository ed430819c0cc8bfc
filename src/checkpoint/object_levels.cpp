#include "checkpoint/object_levels.hpp"

#include <algorithm>
#include <utility>

namespace sapiens {

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
