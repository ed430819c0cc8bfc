// The definitions: plain loops, double accumulation, no cleverness. Every faster version is tested
// against them, and they are the fallback on CPUs without AVX2.
#pragma once

#include "kernels/kernel_table.hpp"

namespace sapiens::kernels::reference {

extern const LinearKernel linear;
extern const AttentionKernel attention;
void layer_norm(const LayerNormArgs& args) noexcept;
double gelu(double x) noexcept;

}  // namespace sapiens::kernels::reference
