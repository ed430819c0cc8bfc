#include <fmt/format.h>

#include <algorithm>
#include <sapiens/draw.hpp>
#include <sapiens/npy.hpp>
#include <sapiens/result_files.hpp>

#include "cli/input/json_file.hpp"
#include "cli/run/frames.hpp"
#include "cli/run/jobs.hpp"
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
    {"pose", ".json", "keypoints", "", "", write_pose},
    {"seg", ".npy", "foreground mask", "bool", "npy",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_npy_mask(path, size_of(frame.segmentation), frame.segmentation.ids);
     }},
    {"seg", "_seg.npy", "class ids", "int64", "npy",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_npy_ids(path, size_of(frame.segmentation), frame.segmentation.ids);
     }},
    {"seg", "_seg.png", "class ids with a palette", "uint8", "png",
     [](const TaskContext& context, const Frame& frame, const fs::path& path) {
       write_class_png(path, frame.segmentation, context.models.classes());
     }},
    {"depth", ".npy", "depth", "float32", "npy",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_npy(path, frame.depth.shape, frame.depth.values);
     }},
    {"depth", "_depth.png", "depth from 1, the nearest, to 65535", "uint16", "png",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_depth_png(path, frame.depth.view<2>(), frame.mask);
     }},
    {"depth", ".exr", "depth", "float32", "exr",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_depth_exr(path, frame.depth.view<2>());
     }},
    {"normal", ".npy", "normals", "float32", "npy",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_npy(path, frame.normals.shape, frame.normals.values);
     }},
    {"normal", ".exr", "normals", "float32", "exr",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_normals_exr(path, frame.normals.view<3>());
     }},
};

Image draw_frame_pose(const TaskContext& context, const Frame& frame) {
  std::vector<std::string> labels;
  for (const Index id : frame.ids) labels.push_back(std::to_string(id));
  PoseDrawing drawing = context.options.pose_drawing;
  drawing.labels = labels;
  return draw_pose(frame.image, frame.poses, context.models.keypoints(), drawing);
}

Image draw_frame_seg(const TaskContext& context, const Frame& frame) {
  SegDrawing drawing = context.options.seg_drawing;
  drawing.side_by_side = !frame.place;
  return draw_segmentation(frame.image, frame.segmentation, context.models.classes(), drawing);
}

Image draw_frame_depth(const TaskContext&, const Frame& frame) {
  const bool still = !frame.place;
  return draw_depth(frame.image, frame.depth.view<2>(), frame.mask,
                    {.normals = still, .side_by_side = still});
}

Image draw_frame_normals(const TaskContext&, const Frame& frame) {
  return draw_normals(frame.image, frame.normals.view<3>(), frame.mask,
                      {.side_by_side = !frame.place});
}

/// How the result of a task is shown: by --viz, and by its shape in the summary.
struct Shown {
  std::string_view task;
  Image (*draw)(const TaskContext& context, const Frame& frame);
  std::vector<Index> (*shape)(const TaskContext& context, const Frame& frame);
};

constexpr Shown kShown[] = {
    {"pose", draw_frame_pose,
     [](const TaskContext& context, const Frame& frame) {
       return std::vector<Index>{std::ssize(frame.poses), context.models.keypoint_count()};
     }},
    {"seg", draw_frame_seg,
     [](const TaskContext&, const Frame& frame) { return size_of(frame.segmentation); }},
    {"depth", draw_frame_depth,
     [](const TaskContext&, const Frame& frame) { return frame.depth.shape; }},
    {"normal", draw_frame_normals,
     [](const TaskContext&, const Frame& frame) { return frame.normals.shape; }}};

const Shown& shown(std::string_view task) { return *std::ranges::find(kShown, task, &Shown::task); }

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

std::vector<std::string> task_formats(std::string_view task) {
  std::vector<std::string> formats;
  for (const TaskFile& file : kFiles) {
    const std::string format(file.format);
    const bool is_new = std::ranges::find(formats, format) == formats.end();
    if ((task.empty() || file.task == task) && !format.empty() && is_new) formats.push_back(format);
  }
  return formats;
}

fs::path result_path(const TaskOptions& options, std::string_view task, const fs::path& name,
                     std::string_view suffix) {
  fs::path path = options.output;
  if (options.command == "run") path /= task;
  return (path / name) += suffix;
}

fs::path frame_name(const Job& job, const std::optional<VideoPlace>& place) {
  return place ? job.name / fmt::format("{:06}", place->number) : job.name;
}

void write_frame(const TaskContext& context, const Job& job, const Frame& frame) {
  const fs::path name = frame_name(job, frame.place);
  for (const TaskFile* file : task_files(context.options)) {
    const fs::path path = result_path(context.options, file->task, name, file->suffix);
    create_parent(path);
    file->write(context, frame, path);
  }
}

Image draw_result(const TaskContext& context, std::string_view task, const Frame& frame) {
  return shown(task).draw(context, frame);
}

std::vector<Index> result_shape(const TaskContext& context, std::string_view task,
                                const Frame& frame) {
  return shown(task).shape(context, frame);
}

Json stages_json(const TaskContext& context, const StageSeconds& seconds) {
  Json stages = {{"decode", seconds.decode}};
  if (context.models.detector()) stages["detect"] = seconds.detect;
  stages.update({{"preprocess", seconds.preprocess},
                 {"encoder", seconds.encoder},
                 {"head", seconds.head},
                 {"post", seconds.post},
                 {"write", seconds.write}});
  return stages;
}

}  // namespace sapiens::cli
