#pragma once

#include "fuzz/support/kernel_input.hpp"
#include "kernels/kernel_table.hpp"

namespace sapiens::fuzz {

/// Compares attention of both precisions with the reference kernel, at sizes and values that the
/// input gives.
void compare_attention(KernelInput& in, const KernelTable& fast, const KernelTable& exact);

}  // namespace sapiens::fuzz
