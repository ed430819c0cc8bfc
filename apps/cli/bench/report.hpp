#pragma once

#include <span>
#include <string>

#include "cli/bench/measure.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// What one run says, for people.
std::string bench_text(const BenchRun& run);

/// One row per run, and how fast each is beside the first.
std::string runs_table(std::span<const BenchRun> runs);

/// One run as a document; several as {"runs": [...]}.
Json bench_json(std::span<const BenchRun> runs);

}  // namespace sapiens::cli
