#include "cli/run/task_outputs.hpp"

#include <sapiens/draw.hpp>
#include <sapiens/npy.hpp>
#include <sapiens/result_files.hpp>

#include "cli/input/json_file.hpp"
#include "documents/pose_json.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

std::vector<Index> size_of(const Segmentation& found) { return {found.height, found.width}; }

// What the points are is said once for a video, in a document beside the folder of its frames.
void write_pose(const TaskContext& context, const Frame& frame, const fs::path& path) {
  Json document = Json::object();
  if (frame.place) {
    document["frame"] = frame.place->number;
    document["seconds"] = frame.place->seconds;
  } else {
    document["meta_info"] = context.pose_meta;
    document["image"] = {{"width", frame.image.width}, {"height", frame.image.height}};
  }
  document["instance_info"] = documents::persons_json(frame.poses, frame.ids);
  write_json(path, document, "the keypoints cannot be written");
}

constexpr TaskFile kFiles[] = {
    {Task::Pose, ".json", "keypoints", "", "", write_pose},
    {Task::Seg, ".npy", "foreground mask", "bool", "npy",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_npy_mask(path, size_of(frame.segmentation), frame.segmentation.ids);
     }},
    {Task::Seg, "_seg.npy", "class ids", "int64", "npy",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_npy_ids(path, size_of(frame.segmentation), frame.segmentation.ids);
     }},
    {Task::Seg, "_seg.png", "class ids with a palette", "uint8", "png",
     [](const TaskContext& context, const Frame& frame, const fs::path& path) {
       write_class_png(path, frame.segmentation, context.models.classes());
     }},
    {Task::Depth, ".npy", "depth", "float32", "npy",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_npy(path, frame.depth.values.shape, frame.depth.values.values);
     }},
    {Task::Depth, "_depth.png", "depth from 1, the nearest, to 65535", "uint16", "png",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_depth_png(path, frame.depth.values.view<2>(), frame.mask);
     }},
    {Task::Depth, ".exr", "depth", "float32", "exr",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_depth_exr(path, frame.depth.values.view<2>());
     }},
    {Task::Normal, ".npy", "normals", "float32", "npy",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_npy(path, frame.normals.values.shape, frame.normals.values.values);
     }},
    {Task::Normal, ".exr", "normals", "float32", "exr",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_normals_exr(path, frame.normals.values.view<3>());
     }},
};

std::vector<std::string> labels_of(const Frame& frame) {
  std::vector<std::string> labels;
  for (const Index id : frame.ids) labels.push_back(std::to_string(id));
  return labels;
}

}  // namespace

std::vector<const TaskFile*> task_files(const TaskOptions& options) {
  std::vector<const TaskFile*> files;
  for (const TaskCheckpoint& task : options.tasks) {
    for (const TaskFile& file : kFiles) {
      const bool wanted = file.format.empty() || options.formats.contains(std::string(file.format));
      if (file.task == task.task && wanted) files.push_back(&file);
    }
  }
  return files;
}

fs::path result_path(const TaskOptions& options, Task task, const fs::path& name,
                     std::string_view suffix) {
  fs::path path = options.output;
  if (options.command == "run") path /= task_name(task);
  return (path / name) += suffix;
}

Image draw_result(const TaskContext& context, Task task, const Frame& frame) {
  const bool still = !frame.place;
  if (task == Task::Pose) {
    PoseDrawing drawing = context.options.pose_drawing;
    const std::vector<std::string> labels = labels_of(frame);
    drawing.labels = labels;
    return draw_pose(frame.image, frame.poses, context.models.keypoints(), drawing);
  }
  if (task == Task::Seg) {
    SegDrawing drawing = context.options.seg_drawing;
    drawing.side_by_side = still;
    return draw_segmentation(frame.image, frame.segmentation, context.models.classes(), drawing);
  }
  if (task == Task::Depth) {
    return draw_depth(frame.image, frame.depth.values.view<2>(), frame.mask,
                      {.normals = still, .side_by_side = still});
  }
  return draw_normals(frame.image, frame.normals.values.view<3>(), frame.mask,
                      {.side_by_side = still});
}

std::vector<Index> result_shape(const TaskContext& context, Task task, const Frame& frame) {
  if (task == Task::Pose) {
    return {std::ssize(frame.poses), context.models.keypoint_count()};
  }
  if (task == Task::Seg) return size_of(frame.segmentation);
  return task == Task::Depth ? frame.depth.values.shape : frame.normals.values.shape;
}

}  // namespace sapiens::cli
