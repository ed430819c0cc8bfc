#include "engine/expected_task.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "engine/describe.hpp"
#include "model/task_table.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

Error other_task(const Inspection& inspection, Task wanted, bool fits) {
  const std::string_view name = task_name(wanted), found = task_text(inspection.model);
  return Error(
      ErrorCode::CheckpointRefused,
      {.summary = fmt::format("this is a checkpoint for {}, not for {}", found, name),
       .file = inspection.file.path,
       .expected = fmt::format("a checkpoint with a head for {}", name),
       .actual = describe_model(inspection.model),
       .hint = fits ? fmt::format("if you know that its head is for {0}, take it as task {0}", name)
                    : ""});
}

TaskAssessment assess_as_is(const Checkpoint& checkpoint, const ModelOptions& model) {
  std::shared_ptr<const Assessment> assessment = checkpoint.assess(model);
  // A head is needed, and of Sapiens2 none is supported: the report on any task says so.
  const bool headless = assessment->model().encoder.family == Family::Sapiens2;
  const Use use =
      use_of(headless ? model.expected_task.value_or(Task::Pose) : assessment->model().task);
  Inspection inspection = assessment->inspection(use);
  return {.assessment = std::move(assessment), .use = use, .inspection = std::move(inspection)};
}

}  // namespace

// Heads of the same shape may be for another task: normals, or a segmentation into three classes.
// Heads for pose have names of their own, so that one for another task is a second head.
TaskAssessment assess_for_task(const Checkpoint& checkpoint, const ModelOptions& model) {
  TaskAssessment assessed = assess_as_is(checkpoint, model);
  const Inspection& found = assessed.inspection;
  if (!model.expected_task || found.model.task == model.expected_task || found.model.outputs == 0 ||
      !is_usable(found.report.verdict)) {
    return assessed;
  }
  ModelOptions wanted = model;
  wanted.task = model.expected_task;
  TaskAssessment other = assess_as_is(checkpoint, wanted);
  const bool fits = other.assessment->model().head && is_usable(other.inspection.report.verdict);
  const bool one_is_pose = found.model.task == Task::Pose || model.expected_task == Task::Pose;
  if (fits && one_is_pose && !model.task) return other;
  throw other_task(found, *model.expected_task, fits);
}

void expect_head(const TaskAssessment& assessed) {
  const Inspection& inspection = assessed.inspection;
  const DetectedModel& model = assessed.assessment->model();
  if (!is_usable(inspection.report.verdict)) throw refusal(inspection, "nothing was computed");
  if (model.head && has_head(model.task)) return;
  throw Error(ErrorCode::CheckpointRefused,
              {.summary = "this checkpoint has no task head, so nothing was computed",
               .file = inspection.file.path,
               .expected = "a checkpoint for " + head_task_list(),
               .actual = std::string(task_name(model.task)),
               .hint = "use `sapiens features` for what the encoder sees, or a fine-tuned file"});
}

}  // namespace sapiens
