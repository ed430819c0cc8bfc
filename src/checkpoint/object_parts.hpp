#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "checkpoint/pickle.hpp"

/// Finds the parts of a Python object in a pickle, independently of its class.
namespace sapiens {

/// The value of `key` in a dictionary; kNoNode if there is none.
NodeId find_item(const PickleGraph& graph, NodeId dict, std::string_view key);

/// The full name of a class, such as "mmengine.logging.HistoryBuffer".
std::string class_name(const PickleGraph& graph, NodeId callable);

/// True for dict, OrderedDict and defaultdict, whose attributes hold no data.
bool is_dict_class(const PickleGraph& graph, NodeId callable);

/// The attributes of an object: the dictionaries of its state, including those of `__slots__` and
/// of several BUILDs; `other` is a state of another form.
struct Attributes {
  std::vector<NodeId> dicts = {};
  NodeId other = kNoNode;
};
Attributes attributes_of(const PickleGraph& graph, NodeId object);

/// Items whose keys and values are not adjacent in the pickle, by the value that holds them.
using MadeItems = std::unordered_map<NodeId, std::vector<NodeId>>;

/// The keys and values that the class was called with: ConfigDict({...}), or OrderedDict([[key,
/// value], ...]) as Python 2 writes it, whose flattened copy is kept in `made`. Returns nullopt
/// where the arguments have another form.
std::optional<std::span<const NodeId>> called_with_items(const PickleGraph& graph, NodeId object,
                                                         MadeItems& made);

/// The names of a module's buffers that its state_dict leaves out.
std::vector<std::string_view> non_persistent_buffers(const PickleGraph& graph, NodeId state);

}  // namespace sapiens
