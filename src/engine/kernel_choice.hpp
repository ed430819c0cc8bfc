#pragma once

#include <string>

#include "kernels/select.hpp"

namespace sapiens {

/// The kernels for a ceiling: `isa`, or what SAPIENS_ISA says where that is empty.
SelectedKernels choose_kernels(const std::string& isa);

}  // namespace sapiens
