#pragma once

#include <sapiens/tasks.hpp>
#include <string>
#include <vector>

#include "messages.hpp"
#include "task_options.hpp"

namespace sapiens::cli {

/// One of the files that an input becomes.
struct TaskFile {
  std::string suffix;  ///< Behind the stem: "_seg.npy".
  std::string holds;   ///< "class ids"
};

/// What one task writes, and how to read it.
struct TaskOutputs {
  std::vector<TaskFile> files;
  std::string what;  ///< Of the shape that is shown: "class ids".
  std::string type;  ///< Of the numbers: "int64".
};

TaskOutputs task_outputs(const std::string& task);

/// The settings of a run and the conventions of its results.
Json task_settings(const TaskOptions& options, const TaskModel& model);

}  // namespace sapiens::cli
