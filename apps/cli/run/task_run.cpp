#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>

#include "cli/run/frames.hpp"
#include "cli/run/jobs.hpp"

namespace sapiens::cli {
namespace {

bool is_empty(std::span<const std::uint8_t> mask) {
  return !mask.empty() &&
         std::all_of(mask.begin(), mask.end(), [](std::uint8_t value) { return value == 0; });
}

void write_image(const TaskContext& context, const Job& job, Frame& frame, JobResult& result) {
  if (!job.images.empty() && is_empty(frame.mask)) {
    context.warn(job, "nothing is under its mask: the drawing is empty");
  }
  if (context.models.detector() && frame.boxes && frame.boxes->empty()) {
    context.warn(job,
                 "the detector found no person in it; --bbox-thr may be lower, and without "
                 "--detector one person fills the image");
  }
  write_frame(context, job, frame);
  for (std::size_t i = 0; i < job.images.size(); ++i) {
    create_parent(job.images[i]);
    output_of(context.options.tasks[i].task).draw(context, frame).write_png(job.images[i]);
  }
  result.shape = output_of(context.options.tasks.front().task).shape(context, frame);
  if (frame.boxes_outside > 0) result.details["boxes_outside"] = frame.boxes_outside;
  if (frame.is_unlisted) result.details["no_entry_in_boxes"] = true;
}

std::vector<JobResult> run_images(const TaskContext& context, std::span<const Job> jobs) {
  InputReader reader;
  const JobSteps<Frame> steps{
      .load = [&](const Job& job) { return read_frame(context, job, reader); },
      .compute = [&](std::span<Frame> frames,
                     const Progress& progress) { compute_frames(context, frames, progress); },
      .write = [&](const Job& job, Frame& frame,
                   JobResult& result) { write_image(context, job, frame, result); },
      .stages = [&](const StageSeconds& seconds) { return stages_json(context, seconds); }};
  return run_jobs(steps, jobs, context.options.batch, context);
}

void add_video_files(const TaskOptions& options, Job& job) {
  const Task first = options.tasks.front().task;
  job.files = {{result_path(options, first, job.name, ".json"), {{"holds", "what frames are"}}}};
  for (const TaskFile* file : task_files(options)) {
    job.frames.push_back(
        {result_path(options, file->task, job.name, ""), std::string(file->suffix)});
  }
}

/// `sapiens seg` gave masks the names that the results of this input have.
void add_masks(const TaskOptions& options, Job& job) {
  if (options.mask == "auto" || options.mask == "none") return;
  const std::filesystem::path mask = std::filesystem::path(options.mask) / job.name;
  if (job.input.video) {
    job.masks = FrameFiles{mask, ".npy"}.there();
  } else {
    job.masks = {mask.string() + ".npy"};
  }
}

/// How drawings are made, and what frames become: the settings do not tell of it, so that results
/// that depend on neither are kept when it changes.
std::string text_of(const TaskOptions& options, const Job& job) {
  std::string text;
  if (job.input.video) text = fmt::format("{}", fmt::join(options.formats, ","));
  if (!options.viz) return text;
  const PoseDrawing& pose = options.pose_drawing;
  const SegDrawing& seg = options.seg_drawing;
  return text + fmt::format(" viz: {} {} {} {} {}, {} {} {} {}", pose.min_score, pose.radius,
                            pose.thickness, pose.alpha, pose.boxes, seg.opacity, seg.labels,
                            seg.legend, seg.side_by_side);
}

void add_image_files(const TaskOptions& options, Job& job) {
  for (const TaskFile* file : task_files(options)) {
    job.files.push_back(
        {result_path(options, file->task, job.name, file->suffix), {{"holds", file->holds}}});
  }
}

bool has_task(const TaskOptions& options, Task task) {
  return std::any_of(options.tasks.begin(), options.tasks.end(),
                     [&](const TaskCheckpoint& t) { return t.task == task; });
}

/// Where masks come from, and whether anything needs them.
void resolve_masks(TaskOptions& options) {
  const bool drawn = std::ranges::any_of(
      options.tasks, [](const TaskCheckpoint& task) { return output_of(task.task).is_masked; });
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

/// Throws for a network whose results would not be written.
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

}  // namespace

void resolve_task_options(TaskOptions& options) {
  if (options.only) options.tasks = {{*options.only, options.checkpoint}};
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
    job.input.video ? add_video_files(options, job) : add_image_files(options, job);
    add_masks(options, job);
    job.options = text_of(options, job);
    if (!options.viz) continue;
    for (const TaskCheckpoint& task : options.tasks) {
      job.images.push_back(
          result_path(options, task.task, job.name, job.input.video ? ".mp4" : ".png"));
    }
  }
  return jobs;
}

std::filesystem::path coco_path(const TaskOptions& options) {
  return result_path(options, Task::Pose, "sapiens-keypoints.coco", ".json");
}

std::vector<JobResult> run_tasks(TaskModels& models, const TaskOptions& options,
                                 const std::optional<PersonBoxes>& boxes, const Json& pose_meta,
                                 Interrupts& interrupts, std::span<const Job> jobs) {
  std::vector<Job> images;
  std::ranges::copy_if(jobs, std::back_inserter(images),
                       [](const Job& job) { return !job.input.video; });
  Meter meter(options.command(), std::ssize(images), stderr_is_terminal());
  const TaskContext context{{interrupts, meter}, models, options, boxes, pose_meta};
  std::vector<JobResult> of_images = run_images(context, images);
  std::vector<JobResult> results;
  auto next = of_images.begin();
  for (const Job& job : jobs) {
    results.push_back(job.input.video ? run_video(context, job) : std::move(*next++));
  }
  return results;
}

}  // namespace sapiens::cli
