#pragma once

#include <filesystem>
#include <optional>
#include <sapiens/features.hpp>
#include <span>
#include <vector>

#include "features_options.hpp"
#include "inputs.hpp"
#include "interrupts.hpp"
#include "meter.hpp"

namespace sapiens::cli {

/// One input and the files it becomes.
struct Job {
  InputFile input = {};
  std::vector<std::filesystem::path> arrays = {};  ///< One per layer, in ascending order.
  std::filesystem::path picture = {};              ///< Of --viz; empty without.
};

/// What became of one job.
struct JobResult {
  std::vector<Index> shape = {};  ///< Of each array.
  double seconds = 0;             ///< Reading and writing, and a share of the forward pass.
  std::optional<Error> error = {};
};

/// Who takes part in a run.
struct RunContext {
  FeatureExtractor& extractor;
  const FeaturesOptions& options;
  Interrupts& interrupts;
  Meter& meter;
};

/// Runs jobs through the encoder, several inputs of one size at a time, and returns one result per
/// job. A job that cannot be read or run is reported to the meter and the others go on; when memory
/// or disk run out the error is thrown.
std::vector<JobResult> run_jobs(const RunContext& context, std::span<const Job> jobs);

}  // namespace sapiens::cli
