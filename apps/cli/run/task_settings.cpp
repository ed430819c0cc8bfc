#include <fmt/format.h>

#include <string>

#include "cli/run/frames.hpp"
#include "cli/run/jobs.hpp"
#include "cli/terminal/text.hpp"
#include "documents/pose_json.hpp"

namespace sapiens::cli {
namespace {

/// 0.3 and not 0.30000001192092896.
double as_written(float number) { return std::stod(fmt::format("{}", number)); }

Json boxes_json(const TaskOptions& options) {
  if (!options.detector.empty()) {
    Json json = {{"detector", file_json(options.detector)},
                 {"bbox_thr", as_written(options.detect.min_score)},
                 {"nms_thr", as_written(options.detect.nms_iou)}};
    if (options.video.detect_every > 1) json["detect_every"] = options.video.detect_every;
    return json;
  }
  if (!options.boxes_file.empty()) {
    Json json = file_json(options.boxes_file);
    if (options.person_category.chosen) json["person_category"] = options.person_category.id;
    return json;
  }
  if (options.boxes.empty()) return "the whole image";
  Json boxes = Json::array();
  for (const Box& box : options.boxes) boxes.push_back({box.x, box.y, box.width, box.height});
  return boxes;
}

Json video_json(const VideoOptions& video) {
  if (video.every == 1 && video.start == 0 && video.end < 0 && video.folder_rate == 0) {
    return nullptr;
  }
  return {{"frames", video.folder_rate},
          {"every", video.every},
          {"start", video.start},
          {"end", video.end}};
}

Json mask_json(const TaskOptions& options) {
  if (options.mask == "none") return nullptr;
  if (options.mask != "auto") return absolute_text(options.mask);
  for (const TaskCheckpoint& task : options.tasks) {
    if (task.task == Task::Seg) return file_json(task.path);
  }
  return file_json(options.seg_checkpoint);
}

}  // namespace

Json TaskModels::settings(const TaskOptions& options, const TaskCheckpoint& task) const {
  const TaskModel& model = *find(task.task);
  Json settings =
      common_settings(task.path, options.model.input_size, model.inspection(), model.stats());
  settings["task"] = task_name(model.task());
  settings["outputs"] = model.outputs();
  settings["preprocess"] = options.preprocess == PreprocessMode::Full ? "full" : "lite";
  settings["video"] = video_json(options.video);
  settings["conventions"] = output_of(task.task).conventions(model);
  if (task.task == Task::Pose) {
    settings["flip_test"] = options.flip_test && model.can_flip_test();
    settings["boxes"] = boxes_json(options);
    settings["keypoints"] =
        options.keypoints.empty() ? Json("as the model's") : Json(options.keypoints);
  }
  if (output_of(task.task).is_masked) settings["mask"] = mask_json(options);
  return settings;
}

Json TaskModels::settings(const TaskOptions& options) const {
  if (options.command != "run") return settings(options, options.tasks.front());
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
