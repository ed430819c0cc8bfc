#pragma once

#include <string>

#include "kernels/select.hpp"

namespace sapiens {

/// Selects kernels up to the level `isa` or, if it is empty, the level in SAPIENS_ISA. Work is cut
/// to the L2 cache of this CPU or, if it is set, to that in SAPIENS_L2_CACHE.
SelectedKernels choose_kernels(const std::string& isa);

}  // namespace sapiens
