#include "kernels/cpu_features.hpp"

namespace sapiens {

CpuFeatures CpuFeatures::detect() noexcept {
  CpuFeatures cpu;
#ifdef __x86_64__
  // The builtins look at XCR0, too: the operating system must save the wide registers.
  __builtin_cpu_init();
  cpu.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  cpu.avx512 = cpu.avx2 && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
#endif
  return cpu;
}

}  // namespace sapiens
