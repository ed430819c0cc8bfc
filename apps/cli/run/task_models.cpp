#include "cli/run/task_models.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "cli/run/frames.hpp"
#include "cli/run/jobs.hpp"
#include "cli/terminal/messages.hpp"
#include "documents/results_json.hpp"

namespace sapiens::cli {
namespace {

/// The engine's refusal, with the options of this program where the file is for another task. The
/// engine has a hint only where the head may be for the wanted task after all.
Error with_own_hint(const Error& error, const ModelInfo& found, Task wanted) {
  if (found.outputs == 0 || found.task == wanted) return error;
  ErrorDetail detail = error.detail();
  const bool may_fit = !detail.hint.empty();
  detail.actual = model_text(found);
  detail.hint = fmt::format("use `sapiens {}`", task_text(found));
  if (may_fit) {
    detail.hint +=
        fmt::format("; if you know that its head is for {0}, add `--task {0}`", task_name(wanted));
  }
  return Error(error.code(), std::move(detail));
}

/// 0.3 and not 0.30000001192092896.
double as_written(float number) { return std::stod(fmt::format("{}", number)); }

Json boxes_json(const TaskOptions& options, const UsedFiles& files) {
  if (!options.detector.empty()) {
    Json json = {{"detector", files.json(options.detector)},
                 {"bbox_thr", as_written(options.detect.min_score)},
                 {"nms_thr", as_written(options.detect.nms_iou)}};
    if (options.video.detect_every > 1) json["detect_every"] = options.video.detect_every;
    return json;
  }
  if (!options.boxes_file.empty()) {
    Json json = files.json(options.boxes_file);
    if (options.person_category.chosen) json["person_category"] = options.person_category.id;
    return json;
  }
  if (options.boxes.empty()) return "the whole image";
  Json boxes = Json::array();
  for (const Box& box : options.boxes) boxes.push_back({box.x, box.y, box.width, box.height});
  return boxes;
}

Json mask_json(const TaskOptions& options, const UsedFiles& files) {
  if (options.mask == "none") return nullptr;
  if (options.mask != "auto") return absolute_text(options.mask);
  for (const TaskCheckpoint& task : options.tasks) {
    if (task.task == Task::Seg) return files.json(task.path);
  }
  return files.json(options.seg_checkpoint);
}

}  // namespace

UsedFiles files_of(const TaskOptions& options) {
  std::vector<std::filesystem::path> paths = {options.detector, options.boxes_file,
                                              options.seg_checkpoint};
  for (const TaskCheckpoint& task : options.tasks) paths.emplace_back(task.path);
  return UsedFiles(paths);
}

TaskModels::TaskModels(const TaskOptions& options, UsedFiles files) : files_(std::move(files)) {
  if (!options.detector.empty()) {
    // --precision is about the networks behind it: narrow differences decide about boxes, and the
    // detector is a small part of the work.
    EngineOptions engine = with_load_meter(options.engine);
    engine.precision = Precision::Auto;
    detector_.emplace(Checkpoint::open(options.detector), engine);
    say(checkpoint_text(options.detector, detector_->inspection()));
  }
  for (const TaskCheckpoint& task : options.tasks) load(options, task);
  if (!options.seg_checkpoint.empty()) load(options, {Task::Seg, options.seg_checkpoint});
  files_.require_unchanged();
  models_.sort([](const TaskModel& a, const TaskModel& b) {  // stable
    return a.task() == Task::Seg && b.task() != Task::Seg;
  });
  choose_labels(options);
}

void TaskModels::load(const TaskOptions& options, const TaskCheckpoint& task) {
  // What a user says of the weights is about the checkpoint that the command is named after.
  ModelOptions model = options.model;
  if (task.task != options.only) {
    model = {.input_size = options.model.input_size, .prefix = task.prefix};
  }
  const Checkpoint checkpoint = Checkpoint::open(task.path);
  try {
    model.expected_task = task.task;
    models_.emplace_back(checkpoint, model, with_load_meter(options.engine));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::CheckpointRefused) throw;
    const Inspection found = checkpoint.inspect(model);
    if (!is_usable(found.report.verdict)) throw;
    throw with_own_hint(error, found.model, task.task);
  }
  say(checkpoint_text(task.path, models_.back().inspection()));
}

void TaskModels::choose_labels(const TaskOptions& options) {
  if (const TaskModel* seg = find(Task::Seg)) classes_ = seg->seg_classes();
  const TaskModel* pose = find(Task::Pose);
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

const TaskModel* TaskModels::find(Task task) const {
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
    all.unquantized.insert(all.unquantized.end(), stats.unquantized.begin(),
                           stats.unquantized.end());
  };
  for (auto model = std::next(models_.begin()); model != models_.end(); ++model) {
    add(model->stats());
  }
  if (detector_) add(detector_->stats());
  return all;
}

Json TaskModels::settings(const TaskOptions& options, const TaskCheckpoint& task) const {
  const TaskModel& model = *find(task.task);
  Json settings = common_settings(files_.json(task.path), options.model.input_size,
                                  model.inspection(), model.stats());
  settings["task"] = task_name(model.task());
  settings["outputs"] = model.outputs();
  settings["preprocess"] = options.preprocess == PreprocessMode::Full ? "full" : "lite";
  settings["video"] = video_settings(options.video);
  settings["conventions"] = output_of(task.task).conventions(model);
  if (task.task == Task::Pose) {
    settings["flip_test"] = options.flip_test && model.can_flip_test();
    settings["boxes"] = boxes_json(options, files_);
    settings["keypoints"] =
        options.keypoints.empty() ? Json("as the model's") : Json(options.keypoints);
  }
  if (output_of(task.task).is_masked) settings["mask"] = mask_json(options, files_);
  return settings;
}

Json TaskModels::settings(const TaskOptions& options) const {
  if (options.only) return settings(options, options.tasks.front());
  Json all = {{"task", "run"}};
  for (const TaskCheckpoint& task : options.tasks) {
    all["tasks"][task_name(task.task)] = settings(options, task);
  }
  return all;
}

Json TaskModels::pose_meta(const TaskOptions& options) const {
  for (const TaskCheckpoint& task : options.tasks) {
    if (task.task != Task::Pose) continue;
    Json meta = documents::keypoints_json(keypoint_count_, keypoints_);
    meta["sapiens"] = settings(options, task);
    return meta;
  }
  return nullptr;
}

}  // namespace sapiens::cli
