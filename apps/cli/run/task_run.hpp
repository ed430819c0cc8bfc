#pragma once

#include <span>
#include <vector>

#include "cli/run/jobs.hpp"
#include "cli/run/task_context.hpp"

namespace sapiens::cli {

/// Works through images, reading ahead and writing behind while the networks compute. Returns one
/// result per job. An image that cannot be read or computed is reported to the meter and the
/// others go on; when memory or disk run out the error is thrown.
std::vector<JobResult> run_images(const TaskContext& context, std::span<const Job> jobs);

}  // namespace sapiens::cli
