#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/cpu_features.hpp"
#include "kernels/kernel_table.hpp"

namespace sapiens {

struct SelectedKernels {
  KernelTable table;
  std::string levels;  ///< "reference+avx2+avx512": what was installed, slowest first.
};

/// The one place that decides which instructions run. An empty ceiling takes the best this CPU has.
/// Throws `Error`: UnsupportedHardware for a ceiling this CPU lacks, InvalidArgument for an unknown
/// one; `asked_by` is the option or the variable of the environment that it tells of.
SelectedKernels select_kernels(const CpuFeatures& cpu, std::string_view ceiling = {},
                               std::string_view asked_by = "isa");

/// Every level this build knows and `cpu` can run, slowest first.
std::vector<std::string_view> available_levels(const CpuFeatures& cpu);

}  // namespace sapiens
