#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "checkpoint/graph_tensors.hpp"
#include "checkpoint/object_parts.hpp"
#include "checkpoint/pickle.hpp"

namespace sapiens {

/// Entries of a level that are not looked at: those of an object that are also its items, with
/// their values, and buffers that no state_dict has, without one.
using Hidden = std::unordered_map<std::string_view, NodeId>;

/// Values that are still to be looked at: of a dictionary, a list, an object or a module.
struct Level {
  std::span<const NodeId> items = {};
  bool pairs = false;
  std::size_t next = 0;
  NodeId opened = kNoNode;  ///< The value that is done with when this level is.
  std::string container = {};
  std::string prefix = {};  ///< Names of the modules around, part of every key below.
  bool in_module = false;
  /// Attributes of an object may be anything: what leads to no tensor is not followed.
  bool attributes = false;
  std::shared_ptr<const Hidden> hidden = {};
};

/// The parts of objects of any class, as levels to be looked at.
class ObjectLevels {
 public:
  ObjectLevels(const PickleGraph& graph, const GraphTensors& tensors)
      : graph_(graph), tensors_(tensors), expanded_(graph.size()) {}

  /// What the object was filled with, in the opposite of the order in which it is looked at; every
  /// level is at `place`. Attributes and arguments are followed once, however often the object is
  /// met, and only if there is a tensor below: they lead everywhere, back to the object among
  /// others.
  std::vector<Level> of(NodeId object, const Level& place);

  /// How many values `of` looks at to tell what the object was called with.
  std::size_t cost(NodeId object) const;

 private:
  void add_attributes(NodeId object, const Level& place, std::shared_ptr<const Hidden> hidden,
                      std::vector<Level>& parts) const;
  std::shared_ptr<const Hidden> hidden_by(std::span<const NodeId> first,
                                          std::span<const NodeId> second) const;

  const PickleGraph& graph_;
  const GraphTensors& tensors_;
  std::vector<bool> expanded_;  // objects whose attributes have been looked at
  MadeItems made_;
};

}  // namespace sapiens
