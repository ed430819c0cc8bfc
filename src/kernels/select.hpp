#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/cpu_features.hpp"
#include "kernels/kernel_table.hpp"

namespace sapiens {

struct SelectedKernels {
  KernelTable table;
  std::string levels;  ///< The installed parts, slowest first: "reference+avx2+avx512".
};

/// Selects the kernels. An empty ceiling selects the best that this CPU supports. Throws `Error`:
/// UnsupportedHardware for a ceiling that this CPU lacks, InvalidArgument for an unknown one; its
/// key is `asked_by`, the option or the environment variable.
SelectedKernels select_kernels(const CpuFeatures& cpu, std::string_view ceiling = {},
                               std::string_view asked_by = "isa");

/// Every level this build knows and `cpu` can run, slowest first.
std::vector<std::string_view> available_levels(const CpuFeatures& cpu);

}  // namespace sapiens
