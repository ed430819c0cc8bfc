#include <fmt/format.h>

#include <string>

#include "cli/run/jobs.hpp"
#include "cli/run/task_models.hpp"
#include "cli/terminal/text.hpp"
#include "documents/pose_json.hpp"

namespace sapiens::cli {
namespace {

Json class_names(Index count, const SegClassSet* set) {
  Json names = Json::array();
  for (Index id = 0; id < count; ++id) {
    names.push_back(set ? std::string(set->classes[static_cast<std::size_t>(id)].name)
                        : std::to_string(id));
  }
  return names;
}

Json conventions(const TaskModel& model, const SegClassSet* classes) {
  if (model.task() == "seg") {
    return {{"classes", class_names(model.outputs(), classes)},
            {"mask", "true where the class is not 0, the background"}};
  }
  if (model.task() == "depth") {
    return {{"depth",
             "relative: larger is farther, about 0 to 1 on the person, meaningless on the "
             "background"}};
  }
  if (model.task() == "normal") {
    return {{"normals",
             "unit vectors, axes x, y, z; x is the horizontal component: mirroring the "
             "image negates it; meaningless on the background"}};
  }
  return {{"keypoints",
           "x and y in pixels of the image, 0, 0 being the middle of the top left one, possibly "
           "outside; in the order of keypoint_id2name"},
          {"keypoint_scores",
           "height of the heatmap's peak, about 0 to 1, not clipped; 0 for a point that the model "
           "does not have"},
          {"bbox", "x1, y1, x2, y2 in pixels of the image"}};
}

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
    if (task.task == "seg") return file_json(task.path);
  }
  return file_json(options.seg_checkpoint);
}

}  // namespace

Json TaskModels::settings(const TaskOptions& options, const TaskCheckpoint& task) const {
  const TaskModel& model = *find(task.task);
  Json settings =
      common_settings(task.path, options.model.input_size, model.inspection(), model.stats());
  settings["task"] = model.task();
  settings["outputs"] = model.outputs();
  settings["preprocess"] = options.preprocess == PreprocessMode::Full ? "full" : "lite";
  settings["video"] = video_json(options.video);
  settings["conventions"] = conventions(model, classes_);
  if (model.task() == "pose") {
    settings["flip_test"] = options.flip_test && model.can_flip_test();
    settings["boxes"] = boxes_json(options);
    settings["keypoints"] =
        options.keypoints.empty() ? Json("as the model's") : Json(options.keypoints);
  }
  if (model.task() == "depth" || model.task() == "normal") settings["mask"] = mask_json(options);
  return settings;
}

Json TaskModels::settings(const TaskOptions& options) const {
  if (options.command != "run") return settings(options, options.tasks.front());
  Json all = {{"task", "run"}};
  for (const TaskCheckpoint& task : options.tasks) {
    all["tasks"][task.task] = settings(options, task);
  }
  return all;
}

Json TaskModels::pose_meta(const TaskOptions& options) const {
  for (const TaskCheckpoint& task : options.tasks) {
    if (task.task != "pose") continue;
    Json meta = documents::keypoints_json(keypoint_count_, keypoints_);
    meta["sapiens"] = settings(options, task);
    return meta;
  }
  return nullptr;
}

}  // namespace sapiens::cli
