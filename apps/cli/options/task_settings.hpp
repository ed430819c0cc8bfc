#pragma once

#include <filesystem>
#include <sapiens/labels.hpp>
#include <sapiens/tasks.hpp>
#include <string>

#include "cli/options/task_options.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// What the numbers of a result stand for; null where nothing tells.
struct TaskLabels {
  const KeypointSet* keypoints = nullptr;
  const SegClassSet* classes = nullptr;
};

/// How `model`, read from `checkpoint`, is run, and the conventions of its results.
Json task_settings(const TaskOptions& options, const std::string& checkpoint,
                   const TaskModel& model, const TaskLabels& labels);

}  // namespace sapiens::cli
