#pragma once

#include <string>

#include "kernels/select.hpp"

namespace sapiens {

/// Selects kernels up to the level `isa` or, if it is empty, the level in SAPIENS_ISA.
SelectedKernels choose_kernels(const std::string& isa);

}  // namespace sapiens
