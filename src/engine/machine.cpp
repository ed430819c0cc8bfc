#include "sapiens/machine.hpp"

#include <cstdlib>

#include "engine/kernel_choice.hpp"

namespace sapiens {

SelectedKernels choose_kernels(const std::string& isa) {
  const char* environment = std::getenv("SAPIENS_ISA");
  const std::string fallback = environment != nullptr ? environment : "";
  const CpuFeatures cpu = CpuFeatures::detect();
  return isa.empty() ? select_kernels(cpu, fallback, "SAPIENS_ISA") : select_kernels(cpu, isa);
}

std::vector<std::string> kernel_levels() {
  const auto levels = available_levels(CpuFeatures::detect());
  return {levels.begin(), levels.end()};
}

}  // namespace sapiens
