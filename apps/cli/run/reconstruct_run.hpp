#pragma once

#include <sapiens/reconstruct.hpp>
#include <span>
#include <vector>

#include "cli/run/jobs.hpp"
#include "cli/run/meter.hpp"
#include "cli/terminal/interrupts.hpp"

namespace sapiens::cli {

/// Who takes part in a run.
struct ReconstructContext {
  Reconstructor& reconstructor;
  double mask_ratio;
  std::uint64_t seed;
  Interrupts& interrupts;
  Meter& meter;
};

/// Reconstructs the images of `jobs`, reading ahead and writing behind; one result per job, with
/// `masked_error` and `mean_error` among its details. A job that fails is reported to the meter and
/// the others go on; when memory or disk run out the error is thrown.
std::vector<JobResult> run_reconstructions(const ReconstructContext& context,
                                           std::span<const Job> jobs);

}  // namespace sapiens::cli
