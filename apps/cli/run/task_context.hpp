#pragma once

#include <optional>

#include "cli/input/person_boxes.hpp"
#include "cli/options/task_options.hpp"
#include "cli/run/jobs.hpp"
#include "cli/run/meter.hpp"
#include "cli/run/task_models.hpp"
#include "cli/terminal/interrupts.hpp"

namespace sapiens::cli {

/// Who takes part in the run of one or several tasks.
struct TaskContext {
  TaskModels& models;
  const TaskOptions& options;
  const std::optional<PersonBoxes>& boxes;  ///< Of --boxes.
  const Json& pose_meta;                    ///< What keypoints are, to write into documents.
  Interrupts& interrupts;
  Meter& meter;

  /// Messages about one input, above the meter.
  void warn(const Job& job, const std::string& what) const;
  void report_failure(const Job& job, const Error& error) const;
};

}  // namespace sapiens::cli
