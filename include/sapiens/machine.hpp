#pragma once

#include <string>
#include <vector>

namespace sapiens {

/// What the arithmetic units and the memory of this machine can do at most, in 1e9 per second.
struct MachineCeilings {
  double fp32_gflops = 0;
  double bf16_gflops = 0;  ///< 0 without bf16 instructions.
  double int8_gops = 0;    ///< 0 without 8-bit dot products.
  double read_gbytes = 0;  ///< From memory, not from caches.
};

/// Measures them with `threads` threads (0: as many as the engine would take) and the instructions
/// that the engine would use under the ceiling `isa` (see EngineOptions). Two operations per
/// multiply-add; operands come from registers or L1. Takes one or two seconds.
MachineCeilings measure_ceilings(int threads = 0, const std::string& isa = {});

/// The kernel levels this CPU can run, slowest first: "reference", "avx2", ...
std::vector<std::string> kernel_levels();

}  // namespace sapiens
