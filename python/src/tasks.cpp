#include <fmt/format.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <sapiens/boxes.hpp>
#include <sapiens/error.hpp>
#include <sapiens/tasks.hpp>

#include "arrays.hpp"
#include "bindings.hpp"
#include "classes.hpp"
#include "shared.hpp"

namespace sapiens::python {
namespace {

using Task = Shared<TaskModel>;
using Images = std::vector<std::shared_ptr<Image>>;

/// Before anything is loaded: a file for another task is refused; of two heads on one encoder the
/// one that is wanted is taken.
void expect_task(const Checkpoint& checkpoint, ModelOptions& model, const std::string& task) {
  const Inspection inspection = checkpoint.inspect(model);
  const std::string& found = inspection.model.task;
  const bool is_other_task = found != task && inspection.model.outputs > 0;
  if (!is_other_task || !is_usable(inspection.report.verdict)) return;
  const auto use = std::ranges::find(inspection.uses, task, &UseVerdict::use);
  const bool fits = use != inspection.uses.end() && is_usable(use->verdict);
  // Heads for pose have names of their own, so that one for another task is a second head.
  if (fits && model.task.empty() && (found == "pose" || task == "pose")) {
    model.task = task;
    return;
  }
  throw Error(
      ErrorCode::CheckpointRefused,
      {.summary = fmt::format("this is a checkpoint for {}, not for {}", found, task),
       .file = inspection.file.path,
       .expected = fmt::format("a checkpoint with a head for {}", task),
       .actual = fmt::format("one for {}", found),
       .hint = fits ? fmt::format("if you know that its head is for {0}, give task=\"{0}\"", task)
                    : ""});
}

std::unique_ptr<Task> open_task(const std::filesystem::path& file, const std::string& task,
                                const ModelOptions& model, EngineOptions engine) {
  engine.loading = interruptible();
  return std::make_unique<Task>([&] {
    const Checkpoint checkpoint = Checkpoint::open(file);
    ModelOptions of_task = model;
    expect_task(checkpoint, of_task, task);
    return TaskModel(checkpoint, of_task, engine);
  });
}

std::vector<Box> to_boxes(const py::object& boxes_of_python) {
  const Floats array = to_floats(boxes_of_python, "boxes");
  if (array.ndim() != 2 || (array.shape(1) != 4 && array.shape(1) != 5)) {
    throw Error(ErrorCode::ShapeMismatch,
                {.summary = "these are no boxes",
                 .expected = "[persons, 4]: x, y, width, height in pixels; or a score as a fifth",
                 .actual = array.shape_text()});
  }
  std::vector<Box> boxes;
  for (Index i = 0; i < array.shape(0); ++i) {
    const float* const row = array.data() + i * array.shape(1);
    boxes.push_back({.x = row[0], .y = row[1], .width = row[2], .height = row[3]});
    if (array.shape(1) == 5) boxes.back().score = row[4];
  }
  return boxes;
}

/// (keypoints [P, K, 2], scores [P, K]).
py::tuple to_arrays(const std::vector<Pose>& poses, Index points) {
  const auto count = static_cast<Index>(poses.size());
  std::vector<float> places, scores;
  places.reserve(static_cast<std::size_t>(count * points * 2));
  scores.reserve(static_cast<std::size_t>(count * points));
  for (const Pose& pose : poses) {
    for (const Keypoint& point : pose.keypoints) {
      places.insert(places.end(), {point.x, point.y});
      scores.push_back(point.score);
    }
  }
  return py::make_tuple(moved(std::move(places), {count, points, 2}),
                        moved(std::move(scores), {count, points}));
}

/// Keypoints of the persons in `array`; they go through the encoder together.
py::tuple run_pose(Task& task, const Image& image, const py::object& array, bool flip_test,
                   std::string_view mode) {
  const std::vector<Box> boxes = to_boxes(array);
  expect_boxes_in(image, boxes);
  const PreprocessMode chosen = preprocess_named(mode);
  std::vector<Pose> poses = task.call([&](TaskModel& model, const Progress& progress) {
    std::vector<TaskInput> persons;
    for (const Box& box : boxes) persons.push_back(model.prepare(image, box, chosen));
    return model.pose(persons, {.flip_test = flip_test, .progress = progress});
  });
  return to_arrays(poses, task.model().outputs());
}

/// One result per image; they go through the encoder together.
template <typename Compute>
auto dense(Task& task, const Images& images, std::string_view mode, Compute compute) {
  const PreprocessMode chosen = preprocess_named(mode);
  return task.call([&](TaskModel& model, const Progress& progress) {
    std::vector<TaskInput> inputs;
    for (const std::shared_ptr<Image>& image : images) {
      inputs.push_back(model.prepare(*image, std::nullopt, chosen));
    }
    return compute(model, inputs, progress);
  });
}

py::list segment(Task& task, const Images& images, std::string_view mode) {
  auto found = dense(task, images, mode,
                     [](TaskModel& model, std::span<const TaskInput> inputs,
                        const Progress& progress) { return model.segment(inputs, progress); });
  py::list results;
  for (Segmentation& one : found) {
    results.append(moved(std::move(one.ids), {one.height, one.width}));
  }
  return results;
}

using DenseTask = std::vector<FloatArray> (TaskModel::*)(std::span<const TaskInput>,
                                                         const Progress&, const StopCheck&);

template <DenseTask kTask>
py::list dense_floats(Task& task, const Images& images, std::string_view mode) {
  auto found = dense(task, images, mode,
                     [](TaskModel& model, std::span<const TaskInput> inputs,
                        const Progress& progress) { return (model.*kTask)(inputs, progress, {}); });
  py::list results;
  for (FloatArray& one : found) results.append(moved(std::move(one)));
  return results;
}

/// What keypoints or classes are called and drawn as: {"names", "colors", "links"}; empty lists
/// where nobody has named them.
py::dict labels(const Task& task) {
  py::list names, colors, links;
  const auto add = [&](const auto& labelled) {
    names.append(to_str(labelled.name));
    colors.append(py::make_tuple(labelled.color.red, labelled.color.green, labelled.color.blue));
  };
  if (const KeypointSet* const set = task.model().keypoint_set()) {
    for (const KeypointInfo& point : set->keypoints) add(point);
    for (const SkeletonLink& link : set->skeleton) {
      links.append(py::make_tuple(link.from, link.to));
    }
  }
  if (const SegClassSet* const set = task.model().seg_classes()) {
    for (const SegClass& seg_class : set->classes) add(seg_class);
  }
  using namespace py::literals;
  return py::dict("names"_a = names, "colors"_a = colors, "links"_a = links);
}

}  // namespace

void bind_tasks(py::module_& module) {
  made_by_functions(
      py::class_<Task>(module, "TaskModel", py::is_final())
          .def("report", [](const Task& self) { return to_report(self.model().inspection()); })
          .def("size",
               [](const Task& self) {
                 const Grid size = self.model().input_size();
                 return py::make_tuple(size.height, size.width);
               })
          .def("stats",
               [](Task& self) {
                 return to_dict(
                     self.call([](TaskModel& model, const Progress&) { return model.stats(); }));
               })
          .def("outputs", [](const Task& self) { return self.model().outputs(); })
          .def("labels", &labels)
          .def("pose", &run_pose, py::arg("image"), py::arg("boxes"), py::arg("flip_test"),
               py::arg("mode"))
          .def("segment", &segment, py::arg("images"), py::arg("mode"))
          .def("depth", &dense_floats<&TaskModel::depth>, py::arg("images"), py::arg("mode"))
          .def("normals", &dense_floats<&TaskModel::normals>, py::arg("images"), py::arg("mode")));
  module.def("open_task", &open_task, py::arg("file"), py::arg("task"), py::arg("model"),
             py::arg("engine"));
}

}  // namespace sapiens::python
