#pragma once

#include <string>

#include "checkpoint/pickle.hpp"
#include "checkpoint/state_dict.hpp"
#include "checkpoint/torch_tensors.hpp"

namespace sapiens {

/// Walks the dictionaries, lists, objects and module trees of a pickle and files what it finds in
/// `out`: tensors, plain values as metadata, unknown objects by name, and how many tensors it found
/// no name for. Work and memory are limited even when values are shared so cleverly that a naive
/// walk would never end.
/// Throws `Error(CorruptFile)` when the limits are passed or two tensors have the same name.
void flatten(const PickleGraph& graph, const TensorBuilder& builder, const std::string& source,
             StateDict& out);

}  // namespace sapiens
