#pragma once

#include <optional>
#include <sapiens/tasks.hpp>
#include <span>
#include <vector>

#include "interrupts.hpp"
#include "jobs.hpp"
#include "meter.hpp"
#include "person_boxes.hpp"
#include "task_options.hpp"

namespace sapiens::cli {

/// Who takes part in the run of a task.
struct TaskContext {
  TaskModel& model;
  const TaskOptions& options;
  const std::optional<PersonBoxes>& boxes;  ///< Of --boxes.
  const Json& settings;                     ///< To write into documents.
  Interrupts& interrupts;
  Meter& meter;
};

/// Reads, computes and writes one job after the other and returns one result per job. A job that
/// cannot be read or computed is reported to the meter and the others go on; when memory or disk
/// run out the error is thrown.
std::vector<JobResult> run_task(const TaskContext& context, std::span<const Job> jobs);

}  // namespace sapiens::cli
