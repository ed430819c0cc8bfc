#include "sapiens/machine.hpp"

#include <cstdlib>

#include "engine/kernel_choice.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::int64_t l2_bytes_from(const std::string& text) {
  if (const auto bytes = parse_cache_size(text)) return *bytes;
  throw Error(ErrorCode::InvalidArgument, {.summary = "not the size of a cache",
                                           .option = "SAPIENS_L2_CACHE",
                                           .expected = "16K to 1024M, such as 512K or 1M",
                                           .actual = text});
}

}  // namespace

SelectedKernels choose_kernels(const std::string& isa) {
  CpuFeatures cpu = CpuFeatures::detect();
  if (const std::string l2 = variable("SAPIENS_L2_CACHE"); !l2.empty()) {
    cpu.l2_bytes = l2_bytes_from(l2);
  }
  return isa.empty() ? select_kernels(cpu, variable("SAPIENS_ISA"), "SAPIENS_ISA")
                     : select_kernels(cpu, isa);
}

std::vector<std::string> kernel_levels() {
  const auto levels = available_levels(CpuFeatures::detect());
  return {levels.begin(), levels.end()};
}

}  // namespace sapiens
