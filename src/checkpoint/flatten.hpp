#pragma once

#include <string>

#include "checkpoint/pickle.hpp"
#include "checkpoint/state_dict.hpp"
#include "checkpoint/torch_tensors.hpp"

namespace sapiens {

/// Traverses the dictionaries, lists, objects and module trees of a pickle and stores in `out` its
/// tensors, plain values as metadata, the names of unknown objects, and the number of tensors
/// without a name. Time and memory are bounded even where shared values would make a naive
/// traversal exponential. Throws `Error(CorruptFile)` where a limit is exceeded or two tensors have
/// the same name.
void flatten(const PickleGraph& graph, const TensorBuilder& builder, const std::string& source,
             StateDict& out);

}  // namespace sapiens
