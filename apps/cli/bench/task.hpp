#pragma once

#include <optional>

#include "cli/bench/measure.hpp"

namespace sapiens::cli {

/// Measures a task from the image in memory to files of its result, as `measure_run` measures the
/// encoder. Drawings and files are those of `sapiens seg --viz` and its sisters, in a temporary
/// folder.
BenchRun measure_task(const BenchOptions& options, const EngineOptions& engine,
                      const std::optional<MachineCeilings>& ceilings);

}  // namespace sapiens::cli
