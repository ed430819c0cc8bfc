#pragma once

#include <memory>

#include "engine/assess.hpp"

namespace sapiens {

/// What TaskModel loads: a file as a model for one task.
struct TaskAssessment {
  std::shared_ptr<const Assessment> assessment;
  Use use = Use::Features;
  Inspection inspection;
};

/// The file as a model for `model.expected_task`, or for the task that it is for where nothing is
/// expected. Throws CheckpointRefused for a usable model of another task.
TaskAssessment assess_for_task(const Checkpoint& checkpoint, const ModelOptions& model);

/// Throws CheckpointRefused for a model that is not complete or has no head.
void expect_head(const TaskAssessment& assessed);

}  // namespace sapiens
