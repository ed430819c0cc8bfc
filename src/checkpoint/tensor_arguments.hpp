#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/pickle.hpp"
#include "sapiens/tensor_view.hpp"

/// What stands beside the numbers in PyTorch's description of a tensor.
namespace sapiens {

/// None, and a dictionary, list or OrderedDict with nothing in it.
bool is_empty_value(const PickleGraph& graph, NodeId node);

/// Of a dictionary, or of an object that is filled like one.
bool is_filled_dict(const PickleGraph& graph, NodeId node);

/// The integers of a tuple, or of torch.Size(tuple) as old files have it; nothing if it is
/// something else.
std::optional<std::vector<Index>> read_integers(const PickleGraph& graph, NodeId node);

/// The lazy operations that a tensor was saved with.
struct TensorFlags {
  bool negated = false;
  /// What else the metadata say, completing "the tensor ..."; nothing if all is understood.
  std::optional<std::string> not_understood = {};
};
TensorFlags read_tensor_flags(const PickleGraph& graph, NodeId metadata);

/// Python attributes of a tensor. Plain ones (flags, numbers, text) do not touch its values; of any
/// other this says what it is, completing "the tensor ...".
std::optional<std::string> odd_attributes(const PickleGraph& graph, NodeId state);

/// The arguments behind the strides: requires_grad and the hooks, which nobody saves since 2017.
std::optional<std::string> odd_autograd(const PickleGraph& graph, NodeId requires_grad,
                                        NodeId hooks);

}  // namespace sapiens
