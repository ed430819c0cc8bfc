#include "task_settings.hpp"

#include "manifest.hpp"
#include "text.hpp"

namespace sapiens::cli {
namespace {

Json class_names(const TaskModel& model) {
  std::vector<std::string> names = model.output_names();
  for (auto id = static_cast<Index>(names.size()); id < model.outputs(); ++id) {
    names.push_back(std::to_string(id));
  }
  return names;
}

Json conventions(const TaskModel& model) {
  if (model.task() == "seg") {
    return {{"classes", class_names(model)},
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
             "picture negates it; meaningless on the background"}};
  }
  return {{"keypoints",
           "x and y in pixels of the picture, from its left and top edge, possibly "
           "outside; in the order of the model's key points"},
          {"keypoint_scores", "height of the heatmap's peak, about 0 to 1, not clipped"},
          {"bbox", "x1, y1, x2, y2 in pixels of the picture"}};
}

Json boxes_json(const TaskOptions& options) {
  if (!options.boxes_file.empty()) return absolute_text(options.boxes_file);
  if (options.boxes.empty()) return "the whole picture";
  Json boxes = Json::array();
  for (const Box& box : options.boxes) boxes.push_back({box.x, box.y, box.width, box.height});
  return boxes;
}

}  // namespace

TaskOutputs task_outputs(const std::string& task) {
  if (task == "seg") {
    return {{{".npy", "foreground mask"}, {"_seg.npy", "class ids"}}, "class ids", "int64"};
  }
  if (task == "depth") return {{{".npy", "depth"}}, "depth", "float32"};
  if (task == "normal") return {{{".npy", "normals"}}, "normals", "float32"};
  return {{{".json", "key points"}}, "persons and key points", ""};
}

Json task_settings(const TaskOptions& options, const TaskModel& model) {
  Json settings = common_settings(options, model.inspection(), model.stats());
  settings["task"] = model.task();
  settings["outputs"] = model.outputs();
  settings["conventions"] = conventions(model);
  if (model.task() == "pose") {
    settings["flip_test"] = options.flip_test && model.can_flip_test();
    settings["boxes"] = boxes_json(options);
  }
  if (model.task() == "depth" || model.task() == "normal") {
    settings["mask"] = options.mask.empty() ? Json(nullptr) : Json(absolute_text(options.mask));
  }
  return settings;
}

}  // namespace sapiens::cli
