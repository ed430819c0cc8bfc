#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "checkpoint/graph_tensors.hpp"
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

/// Entries of a level that are skipped: attributes of an object that are also its items, with their
/// values, and buffers that a state_dict leaves out, with kNoNode.
using Hidden = std::unordered_map<std::string_view, NodeId>;

/// Values still to be visited, of a dictionary, a list, an object or a module.
struct Level {
  std::span<const NodeId> items = {};
  bool pairs = false;
  std::size_t next = 0;
  NodeId opened = kNoNode;  ///< The value that is complete when this level is.
  std::string container = {};
  std::string prefix = {};  ///< Names of the enclosing modules, a prefix of every key.
  bool in_module = false;
  /// True for attributes of an object, which may refer to anything; only those that contain tensors
  /// are followed.
  bool attributes = false;
  std::shared_ptr<const Hidden> hidden = {};
};

/// Expands objects of any class into levels to be visited.
class ObjectLevels {
 public:
  ObjectLevels(const PickleGraph& graph, const GraphTensors& tensors)
      : graph_(graph), tensors_(tensors), expanded_(graph.size()) {}

  /// The contents of the object in reverse order of visiting; every level has the position `place`.
  /// Attributes and arguments are followed once, however often the object occurs, and only if they
  /// contain a tensor, because they may refer to anything, including the object itself.
  std::vector<Level> of(NodeId object, const Level& place);

  /// The number of values that `of` reads to find the arguments of the object's constructor.
  std::size_t cost(NodeId object) const;

 private:
  void add_attributes(NodeId object, const Level& place, std::shared_ptr<const Hidden> hidden,
                      std::vector<Level>& parts) const;
  std::shared_ptr<const Hidden> hidden_by(std::span<const NodeId> first,
                                          std::span<const NodeId> second) const;

  const PickleGraph& graph_;
  const GraphTensors& tensors_;
  std::vector<bool> expanded_;  // objects whose attributes were visited
  MadeItems made_;
};

}  // namespace sapiens
