#pragma once

#include <string>
#include <vector>

namespace sapiens {

/// The kernel levels that this CPU supports, slowest first: "reference", "avx2", "avx512", "amx".
/// Each is a valid `EngineOptions::isa`.
std::vector<std::string> kernel_levels();

}  // namespace sapiens
