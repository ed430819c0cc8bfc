#pragma once

#include <cstddef>
#include <vector>

#include "checkpoint/pickle.hpp"
#include "checkpoint/torch_tensors.hpp"

namespace sapiens {

/// Which values of a pickle are tensors or lead to some, and which tensors were taken. Time and
/// memory grow with the pickle alone, however its values refer to each other.
class GraphTensors {
 public:
  GraphTensors(const PickleGraph& graph, const TensorBuilder& builder);

  /// Whether `node` is a tensor, or has one somewhere below it.
  bool below(NodeId node) const noexcept { return node != kNoNode && below_[node]; }

  /// Notes that `node` has been taken, with all that it is made of.
  void take(NodeId node);

  /// Tensors below the root that nobody took.
  std::size_t count_left() const;

  /// NumPy arrays below the root.
  std::size_t count_arrays() const;
  /// Storages below the root.
  std::size_t count_storages() const;

 private:
  template <typename Visit>
  void for_each_child(NodeId node, Visit&& visit) const;
  template <typename Claim>
  std::size_t count_below_root(Claim&& claim) const;

  const PickleGraph& graph_;
  const TensorBuilder& builder_;
  std::vector<bool> below_;
  std::vector<bool> taken_;
};

}  // namespace sapiens
