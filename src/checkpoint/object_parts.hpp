#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "checkpoint/pickle.hpp"

/// Where the pieces of a Python object are in a pickle, whatever its class does with them.
namespace sapiens {

/// The value of `key` in a dictionary; kNoNode if there is none.
NodeId find_item(const PickleGraph& graph, NodeId dict, std::string_view key);

/// "mmengine.logging.HistoryBuffer".
std::string class_name(const PickleGraph& graph, NodeId callable);

/// dict, OrderedDict and defaultdict, whose attributes are no data.
bool is_dict_class(const PickleGraph& graph, NodeId callable);

/// What an object keeps as attributes: the dictionaries of its state, those of `__slots__` and of
/// several BUILDs included; `other` is a state of another form.
struct Attributes {
  std::vector<NodeId> dicts = {};
  NodeId other = kNoNode;
};
Attributes attributes_of(const PickleGraph& graph, NodeId object);

/// Keys and values that are not side by side in the pickle, by the value that holds them.
using MadeItems = std::unordered_map<NodeId, std::vector<NodeId>>;

/// The keys and values that the class was called with: ConfigDict({...}), or OrderedDict([[key,
/// value], ...]) as Python 2 has it, whose flat copy is kept in `made`. Nothing if the arguments
/// are something else.
std::optional<std::span<const NodeId>> called_with_items(const PickleGraph& graph, NodeId object,
                                                         MadeItems& made);

/// The names of a module's buffers that a state_dict leaves out.
std::vector<std::string_view> non_persistent_buffers(const PickleGraph& graph, NodeId state);

}  // namespace sapiens
