#pragma once

#include <span>

#include "checkpoint/state_dict.hpp"
#include "reconcile/reconcile.hpp"

namespace sapiens {

/// Writes elements [first, first + out.size()) of the parameter, row-major float32, as its binding
/// says; zeros where it has none. A resized position table can only be read as a whole.
void materialize(const StateDict& dict, const Binding& binding, Index first, std::span<float> out);

/// The type of the file's numbers behind a parameter; F32 where it has none, several, or computed
/// ones.
DType stored_type(const StateDict& dict, const Binding& binding) noexcept;

/// Advises the system that the file's bytes behind a parameter are not needed again.
void release(const StateDict& dict, const Binding& binding) noexcept;

}  // namespace sapiens
