#include <fmt/format.h>

#include <algorithm>
#include <sapiens/draw.hpp>
#include <sapiens/npy.hpp>
#include <sapiens/result_files.hpp>

#include "cli/input/json_file.hpp"
#include "cli/run/frames.hpp"
#include "cli/run/jobs.hpp"
#include "documents/results_json.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

const Segmentation& seg(const Frame& frame) { return frame.found<Segmentation>(); }
template <typename Map>
const FloatArray& map(const Frame& frame) {
  return frame.found<Map>().values;
}

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

template <typename Map>
void write_map(const TaskContext&, const Frame& frame, const fs::path& path) {
  write_npy(path, map<Map>(frame).shape, map<Map>(frame).values);
}

constexpr TaskFile kFiles[] = {
    {Task::Pose, ".json", "keypoints", "", "", write_pose},
    {Task::Seg, ".npy", "foreground mask", "bool", "npy",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_npy_mask(path, size_of(seg(frame)), seg(frame).ids);
     }},
    {Task::Seg, "_seg.npy", "class ids", "int64", "npy",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_npy_ids(path, size_of(seg(frame)), seg(frame).ids);
     }},
    {Task::Seg, "_seg.png", "class ids with a palette", "uint8", "png",
     [](const TaskContext& context, const Frame& frame, const fs::path& path) {
       write_class_png(path, seg(frame), context.models.classes());
     }},
    {Task::Depth, ".npy", "depth", "float32", "npy", write_map<DepthMap>},
    {Task::Depth, "_depth.png", "depth from 1, the nearest, to 65535", "uint16", "png",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_depth_png(path, map<DepthMap>(frame).view<2>(), frame.mask);
     }},
    {Task::Depth, ".exr", "depth", "float32", "exr",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_depth_exr(path, map<DepthMap>(frame).view<2>());
     }},
    {Task::Normal, ".npy", "normals", "float32", "npy", write_map<NormalMap>},
    {Task::Normal, ".exr", "normals", "float32", "exr",
     [](const TaskContext&, const Frame& frame, const fs::path& path) {
       write_normals_exr(path, map<NormalMap>(frame).view<3>());
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
  return draw_segmentation(frame.image, seg(frame), context.models.classes(), drawing);
}

template <typename Map>
Image draw_frame_map(const TaskContext&, const Frame& frame) {
  return draw_map(frame.image, frame.result<Map>(), frame.mask, {.side_by_side = !frame.place});
}

template <typename Map>
std::vector<Index> shape_of_map(const TaskContext&, const Frame& frame) {
  return map<Map>(frame).shape;
}

Json class_names(Index count, const SegClassSet* set) {
  Json names = Json::array();
  for (Index id = 0; id < count; ++id) {
    names.push_back(set ? std::string(set->classes[static_cast<std::size_t>(id)].name)
                        : std::to_string(id));
  }
  return names;
}

constexpr TaskOutput kOutputs[] = {
    {Task::Pose,
     {"Find the keypoints of persons, as .json",
      "Also draw the persons' keypoints and links into each image, as .png",
      "Example:\n"
      "  sapiens pose sapiens_0.3b_coco_wholebody.pth photos/ --output out --viz \\\n"
      "      --detector rtmdet_m_8xb32-100e_coco-obj365-person-235e8209.pth\n"
      "  sapiens pose model.pth photo.jpg --box 120,40,200,410 --output out\n"
      "  sapiens pose model.pth photos/ --boxes boxes.json --output out --coco"},
     false,
     draw_frame_pose,
     [](const TaskContext& context, const Frame& frame) {
       return std::vector<Index>{std::ssize(frame.poses), context.models.keypoint_count()};
     },
     [](const TaskModel&) -> Json {
       return {{"keypoints",
                "x and y in pixels of the image, 0, 0 being the middle of the top left one, "
                "possibly outside; in the order of keypoint_id2name"},
               {"keypoint_scores",
                "height of the heatmap's peak, about 0 to 1, not clipped; 0 for a point that the "
                "model does not have"},
               {"bbox", "x1, y1, x2, y2 in pixels of the image"}};
     }},
    {Task::Seg,
     {"Tell the body part of every pixel, as .npy",
      "Also draw the classes beside each image, as .png",
      "photo.jpg becomes photo.npy, true on the person, and photo_seg.npy, the class ids.\n"
      "Example:\n  sapiens seg sapiens_0.3b_goliath.pth photos/ --output out --viz"},
     false,
     draw_frame_seg,
     [](const TaskContext&, const Frame& frame) { return size_of(seg(frame)); },
     [](const TaskModel& model) -> Json {
       return {{"classes", class_names(model.outputs(), model.seg_classes())},
               {"mask", "true where the class is not 0, the background"}};
     }},
    {Task::Depth,
     {"Estimate the relative depth of every pixel, as .npy",
      "Also draw the depth beside each image, as .png",
      "Example:\n"
      "  sapiens depth model.pth photos/ --output depth\n"
      "  sapiens depth model.pth photos/ --output depth --viz --seg-checkpoint seg.pth\n"
      "  sapiens depth model.pth photos/ --output depth --format npy,png,exr"},
     true,
     draw_frame_map<DepthMap>,
     shape_of_map<DepthMap>,
     [](const TaskModel&) -> Json {
       return {{"depth",
                "relative: larger is farther, about 0 to 1 on the person, meaningless on the "
                "background"}};
     }},
    {Task::Normal,
     {"Estimate the surface normal of every pixel, as .npy",
      "Also draw the normals beside each image, as .png",
      "Example:\n"
      "  sapiens normal model.pth photos/ --output normals\n"
      "  sapiens normal model.pth photos/ --output normals --viz --mask out-of-sapiens-seg"},
     true,
     draw_frame_map<NormalMap>,
     shape_of_map<NormalMap>,
     [](const TaskModel&) -> Json {
       return {{"normals",
                "unit vectors, axes x, y, z; x is the horizontal component: mirroring the "
                "image negates it; meaningless on the background"}};
     }}};

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

const TaskOutput& output_of(Task task) {
  return *std::ranges::find(kOutputs, task, &TaskOutput::task);
}

std::vector<std::string> task_formats(std::optional<Task> task) {
  std::vector<std::string> formats;
  for (const TaskFile& file : kFiles) {
    const std::string format(file.format);
    const bool is_new = std::ranges::find(formats, format) == formats.end();
    if (file.task == task.value_or(file.task) && !format.empty() && is_new)
      formats.push_back(format);
  }
  return formats;
}

fs::path result_path(const TaskOptions& options, Task task, const fs::path& name,
                     std::string_view suffix) {
  fs::path path = options.output;
  if (!options.only) path /= task_name(task);
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
