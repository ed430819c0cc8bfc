#pragma once

#include <span>
#include <vector>

#include "cli/run/jobs.hpp"
#include "cli/run/run_context.hpp"

namespace sapiens::cli {

/// Runs jobs through the encoder, several inputs of one size at a time, and returns one result per
/// job. While the encoder is busy, one thread reads ahead and one writes what is done; what happens
/// is the same, and is said in the same order, as without them.
///
/// A job that cannot be read or run is reported to the meter and the others go on; when memory or
/// disk run out the error is thrown.
std::vector<JobResult> run_jobs(const RunContext& context, std::span<const Job> jobs);

}  // namespace sapiens::cli
