#pragma once

#include <optional>

#include "interrupts.hpp"
#include "jobs.hpp"
#include "meter.hpp"
#include "person_boxes.hpp"
#include "task_models.hpp"
#include "task_options.hpp"

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
