#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/pickle.hpp"
#include "sapiens/tensor_view.hpp"

/// Reads the part of PyTorch's description of a tensor that is not its storage.
namespace sapiens {

/// True for None and for an empty dictionary, list or OrderedDict.
bool is_empty_value(const PickleGraph& graph, NodeId node);

/// True for a dictionary with items, or an object with dictionary items.
bool is_filled_dict(const PickleGraph& graph, NodeId node);

/// The integers of a tuple, or of torch.Size(tuple) as old files write it; nullopt for anything
/// else.
std::optional<std::vector<Index>> read_integers(const PickleGraph& graph, NodeId node);

/// The lazy operations that a tensor was saved with.
struct TensorFlags {
  bool negated = false;
  /// What the metadata says beyond the known flags, as the end of "the tensor ..."; nullopt if all
  /// is known.
  std::optional<std::string> not_understood = {};
};
TensorFlags read_tensor_flags(const PickleGraph& graph, NodeId metadata);

/// Checks the Python attributes of a tensor. Plain ones (flags, numbers, text) do not affect its
/// values; for any other the result describes it, as the end of "the tensor ...".
std::optional<std::string> unknown_attributes(const PickleGraph& graph, NodeId state);

/// Checks the arguments after the strides: requires_grad and the hooks, which PyTorch has not
/// written since 2017.
std::optional<std::string> unknown_autograd(const PickleGraph& graph, NodeId requires_grad,
                                            NodeId hooks);

}  // namespace sapiens
