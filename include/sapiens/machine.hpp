#pragma once

#include <string>
#include <vector>

namespace sapiens {

/// The kernel levels this CPU can run, slowest first: "reference", "avx2", ...
std::vector<std::string> kernel_levels();

}  // namespace sapiens
