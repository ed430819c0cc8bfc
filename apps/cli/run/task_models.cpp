#include "cli/run/task_models.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/run/jobs.hpp"
#include "cli/terminal/text.hpp"

namespace sapiens::cli {
namespace {

/// Heads of the same shape may be for another task: normals, or a segmentation into three classes.
bool fits(const Inspection& inspection, const std::string& task) {
  return std::any_of(inspection.uses.begin(), inspection.uses.end(), [&](const UseVerdict& use) {
    return use.use == task && is_usable(use.verdict);
  });
}

/// Throws for a checkpoint that is for another task; of two heads on one encoder takes the one that
/// is wanted.
void expect_task(const Checkpoint& checkpoint, ModelOptions& model, const TaskCheckpoint& wanted) {
  const Inspection inspection = checkpoint.inspect(model);
  const std::string& task = inspection.model.task;
  const bool is_other_task = task != wanted.task && inspection.model.outputs > 0;
  if (!is_other_task || !is_usable(inspection.report.verdict)) return;
  // Heads for pose have names of their own, so that one for another task is a second head.
  const bool one_is_pose = task == "pose" || wanted.task == "pose";
  if (one_is_pose && model.task.empty() && fits(inspection, wanted.task)) {
    model.task = wanted.task;
    return;
  }
  throw Error(
      ErrorCode::CheckpointRefused,
      {.summary = fmt::format("this is a checkpoint for {}, not for {}", task, wanted.task),
       .file = wanted.path,
       .expected = fmt::format("a checkpoint with a head for {}", wanted.task),
       .actual = model_text(inspection.model),
       .hint = fmt::format("use `sapiens {}`", task) +
               (fits(inspection, wanted.task)
                    ? fmt::format("; if you know that its head is for {0}, add `--task {0}`",
                                  wanted.task)
                    : "")});
}

}  // namespace

TaskModels::TaskModels(const TaskOptions& options) {
  if (!options.detector.empty()) {
    // --precision is about the networks behind it: narrow differences decide about boxes, and the
    // detector is a small part of the work.
    EngineOptions engine = with_load_meter(options.engine);
    engine.precision = Precision::Auto;
    detector_.emplace(Checkpoint::open(options.detector), engine);
    say(checkpoint_text(options.detector, detector_->inspection()));
  }
  for (const TaskCheckpoint& task : options.tasks) load(options, task);
  if (!options.seg_checkpoint.empty()) load(options, {"seg", options.seg_checkpoint});
  std::list<TaskModel> rest;
  for (auto model = models_.begin(); model != models_.end();) {
    const auto next = std::next(model);
    if (model->task() != "seg") rest.splice(rest.end(), models_, model);
    model = next;
  }
  models_.splice(models_.end(), rest);
  choose_labels(options);
}

void TaskModels::load(const TaskOptions& options, const TaskCheckpoint& task) {
  // What a user says of the weights is about the checkpoint that the command is named after.
  ModelOptions model = options.model;
  if (task.task != options.command) {
    model = {.input_size = options.model.input_size, .prefix = task.prefix};
  }
  const Checkpoint checkpoint = Checkpoint::open(task.path);
  expect_task(checkpoint, model, task);
  models_.emplace_back(checkpoint, model, with_load_meter(options.engine));
  say(checkpoint_text(task.path, models_.back().inspection()));
}

void TaskModels::choose_labels(const TaskOptions& options) {
  if (const TaskModel* seg = find("seg")) classes_ = seg->seg_classes();
  const TaskModel* pose = find("pose");
  if (!pose) return;
  keypoints_ = pose->keypoint_set();
  keypoint_count_ = pose->outputs();
  if (options.keypoints.empty()) return;
  if (!keypoints_) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "nothing tells what the keypoints of this model are",
                 .key = "--keypoints",
                 .expected = "a model of 17, 133 or 308 points, or names of the points in its file",
                 .actual = fmt::format("{} points without names", pose->outputs()),
                 .hint = "leave out --keypoints"});
  }
  conversion_ = KeypointConversion::make(*keypoints_, options.keypoints);
  keypoints_ = &conversion_->to();
  keypoint_count_ = std::ssize(keypoints_->keypoints);
}

const TaskModel* TaskModels::find(std::string_view task) const {
  const auto found = std::find_if(models_.begin(), models_.end(),
                                  [&](const TaskModel& model) { return model.task() == task; });
  return found == models_.end() ? nullptr : &*found;
}

EngineStats TaskModels::stats() const {
  EngineStats all = models_.front().stats();
  const auto add = [&all](const EngineStats& stats) {
    all.weight_bytes += stats.weight_bytes;
    all.activation_bytes += stats.activation_bytes;
    all.load_seconds += stats.load_seconds;
  };
  for (auto model = std::next(models_.begin()); model != models_.end(); ++model) {
    add(model->stats());
  }
  if (detector_) add(detector_->stats());
  return all;
}

}  // namespace sapiens::cli
