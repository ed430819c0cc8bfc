#pragma once

#include "nn/activations.hpp"

namespace sapiens {

/// y = x / (1 + exp(-x)) in the calling thread; y may be x.
void silu(const KernelTable& kernels, ConstActivations x, Activations y);

}  // namespace sapiens
