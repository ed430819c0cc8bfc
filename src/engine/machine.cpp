#include "sapiens/machine.hpp"

#include <cstdlib>

#include "core/thread_pool.hpp"
#include "engine/kernel_choice.hpp"
#include "kernels/peak.hpp"

namespace sapiens {

SelectedKernels choose_kernels(const std::string& isa) {
  const char* environment = std::getenv("SAPIENS_ISA");
  const std::string fallback = environment != nullptr ? environment : "";
  return select_kernels(CpuFeatures::detect(), isa.empty() ? fallback : isa);
}

MachineCeilings measure_ceilings(int threads, const std::string& isa) {
  const ThreadPool pool(threads);
  const KernelTable kernels = choose_kernels(isa).table;
  const auto peak = [&](PeakLoop loop) { return loop == nullptr ? 0 : peak_gops(loop, pool); };
  return {.fp32_gflops = peak(kernels.peak_f32),
          .bf16_gflops = peak(kernels.peak_bf16),
          .int8_gops = peak(kernels.peak_s8),
          .read_gbytes = memory_gbytes_per_second(pool)};
}

std::vector<std::string> kernel_levels() {
  const auto levels = available_levels(CpuFeatures::detect());
  return {levels.begin(), levels.end()};
}

}  // namespace sapiens
