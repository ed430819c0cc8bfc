#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/pickle.hpp"
#include "checkpoint/torch_tensors.hpp"

namespace sapiens {

/// Tells which values of a pickle are tensors or contain some, and which tensors were taken. Time
/// and memory are linear in the size of the pickle, however its values refer to each other.
class GraphTensors {
 public:
  GraphTensors(const PickleGraph& graph, const TensorBuilder& builder);

  /// Whether `node` is a tensor or contains one.
  bool below(NodeId node) const noexcept { return node != kNoNode && below_[node]; }

  /// A key that occurs twice among `pairs` (key, value, key, value), where one of its values is a
  /// tensor or contains one; nullopt if there is none. Text is not a number's key, nor that of
  /// bytes.
  std::optional<std::string> repeated_key(std::span<const NodeId> pairs) const;

  /// Marks `node`, and the values that it is made of, as taken.
  void take(NodeId node);

  /// The number of tensors below the root that were not taken.
  std::size_t count_left() const;

  /// The number of NumPy arrays below the root.
  std::size_t count_arrays() const;
  /// The number of storages below the root.
  std::size_t count_storages() const;

 private:
  template <typename Visit>
  void for_each_child(NodeId node, Visit&& visit) const;
  template <typename Enter>
  void visit_below(NodeId first, std::vector<bool>& seen, Enter&& enter) const;
  template <typename Claim>
  std::size_t count_below_root(Claim&& claim) const;

  const PickleGraph& graph_;
  const TensorBuilder& builder_;
  std::vector<bool> below_;
  std::vector<bool> taken_;
};

}  // namespace sapiens
