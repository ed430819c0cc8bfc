#include "cli/options/task_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/run/task_outputs.hpp"
#include "documents/pose_json.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

bool has_task(const TaskOptions& options, Task task) {
  return std::any_of(options.tasks.begin(), options.tasks.end(),
                     [&](const TaskCheckpoint& t) { return t.task == task; });
}

/// Where masks come from, and whether anything needs them.
void resolve_masks(TaskOptions& options) {
  const bool drawn = has_task(options, Task::Depth) || has_task(options, Task::Normal);
  const bool used = drawn && (options.viz || options.formats.contains("png"));
  const bool can_be_auto = has_task(options, Task::Seg) || !options.seg_checkpoint.empty();
  if (options.mask == "auto" && !can_be_auto) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "there is no segmentation that could give masks",
                 .key = "--mask",
                 .actual = "auto",
                 .hint = "add --seg-checkpoint CKPT, or name a folder with the files of `sapiens "
                         "seg`"});
  }
  if (options.mask.empty()) options.mask = can_be_auto ? "auto" : "none";
  if (!used) {
    if (drawn && options.mask != "none") {
      say("masks are about --viz and --format png: other results are not masked");
    }
    options.mask = "none";
  }
  if (options.mask != "auto") options.seg_checkpoint.clear();
}

/// A network whose results nobody would see.
void expect_files_of_every_task(const TaskOptions& options) {
  const auto files = task_files(options);
  for (const TaskCheckpoint& task : options.tasks) {
    if (std::any_of(files.begin(), files.end(),
                    [&](const TaskFile* file) { return file->task == task.task; })) {
      continue;
    }
    throw Error(ErrorCode::InvalidArgument,
                {.summary = fmt::format("nothing of {} would be written", task_name(task.task)),
                 .key = "--format",
                 .actual = fmt::format("{}", fmt::join(options.formats, ",")),
                 .hint = "add npy to it"});
  }
}

void add_video_files(const TaskOptions& options, Job& job) {
  const Task first = options.tasks.front().task;
  job.files = {{result_path(options, first, job.name, ".json"), {{"holds", "what frames are"}}}};
  if (!options.viz) return;
  for (const TaskCheckpoint& task : options.tasks) {
    job.images.push_back(result_path(options, task.task, job.name, ".mp4"));
  }
}

}  // namespace

void resolve_task_options(TaskOptions& options) {
  if (options.command != "run") options.tasks = {{parse_task(options.command), options.checkpoint}};
  if (options.tasks.empty()) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "no checkpoint is given, so there is nothing to do",
                 .key = "--pose, --seg, --depth, --normal",
                 .hint = "add at least one of them"});
  }
  expect_files_of_every_task(options);
  resolve_masks(options);
  // The original's lite scripts have none.
  if (options.preprocess == PreprocessMode::Lite) options.flip_test = false;
}

std::vector<Job> make_task_jobs(const TaskOptions& options, const std::vector<InputFile>& files) {
  std::vector<Job> jobs = plan_names(files);
  for (Job& job : jobs) {
    if (job.input.video) {
      add_video_files(options, job);
      continue;
    }
    for (const TaskFile* file : task_files(options)) {
      job.files.push_back(
          {result_path(options, file->task, job.name, file->suffix), {{"holds", file->holds}}});
    }
    if (!options.viz) continue;
    for (const TaskCheckpoint& task : options.tasks) {
      job.images.push_back(result_path(options, task.task, job.name, ".png"));
    }
  }
  return jobs;
}

Json run_settings(const TaskOptions& options, const TaskModels& models) {
  if (options.command != "run") return models.settings(options, options.tasks.front());
  Json settings = {{"task", "run"}};
  for (const TaskCheckpoint& task : options.tasks) {
    settings["tasks"][task_name(task.task)] = models.settings(options, task);
  }
  return settings;
}

Json pose_meta(const TaskOptions& options, const TaskModels& models) {
  for (const TaskCheckpoint& task : options.tasks) {
    if (task.task != Task::Pose) continue;
    Json meta = documents::keypoints_json(models.keypoint_count(), models.keypoints());
    meta["sapiens"] = models.settings(options, task);
    return meta;
  }
  return nullptr;
}

fs::path coco_path(const TaskOptions& options) {
  return result_path(options, Task::Pose, "sapiens-keypoints.coco", ".json");
}

}  // namespace sapiens::cli
