#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

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

using SharedTask = Shared<TaskModel>;
using Images = std::vector<std::shared_ptr<Image>>;

std::unique_ptr<SharedTask> open_task(const std::filesystem::path& file, EngineOptions engine,
                                      ModelOptions model, std::string_view task) {
  model.expected_task = parse_task(task);
  return SharedTask::open(file, std::move(engine), model);
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

/// What `inputs` become in `task`; they go through the encoder together.
TaskRun run_prepared(SharedTask& task, std::span<const PreparedImage> prepared,
                     const RunOptions& options) {
  const std::vector<TaskInput> inputs(prepared.begin(), prepared.end());
  return task.run([&](TaskModel& model, const Progress& progress) {
    RunOptions with_progress = options;
    with_progress.progress = progress;
    return model.run(inputs, with_progress);
  });
}

/// (keypoints [P, K, 2], scores [P, K]).
py::tuple to_arrays(std::span<const Pose> poses, Index points) {
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

/// Keypoints of the persons in `array`.
py::tuple run_pose(SharedTask& task, const Image& image, const py::object& array, bool flip_test,
                   std::string_view mode) {
  const std::vector<Box> boxes = to_boxes(array);
  expect_boxes_in(image, boxes);
  const PreprocessMode chosen = preprocess_named(mode);
  std::vector<PreparedImage> persons;
  {
    const WithoutGil no_gil;
    for (const Box& box : boxes) persons.push_back(task.model().prepare(image, box, chosen));
  }
  TaskRun run = run_prepared(task, persons, {.flip_test = flip_test});
  return to_arrays(results_as<Pose>(std::move(run)), task.model().outputs());
}

py::object to_array(Result&& result) {
  if (FloatArray* const map = map_of(result)) return moved(std::move(*map));
  auto& found = std::get<Segmentation>(result);
  return moved(std::move(found.ids), {found.height, found.width});
}

/// One map, or the classes, per image; no keypoints, which `run_pose` finds.
py::list run_maps(SharedTask& task, const Images& images, std::string_view mode) {
  const PreprocessMode chosen = preprocess_named(mode);
  std::vector<PreparedImage> inputs;
  {
    const WithoutGil no_gil;
    for (const std::shared_ptr<Image>& image : images) {
      inputs.push_back(task.model().prepare(*image, std::nullopt, chosen));
    }
  }
  py::list maps;
  for (Result& one : run_prepared(task, inputs, {}).results) maps.append(to_array(std::move(one)));
  return maps;
}

/// What keypoints or classes are called and drawn as: {"names", "colors", "links"}; empty lists
/// where nobody has named them.
py::dict labels(const SharedTask& task) {
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
      bind_model<TaskModel>(module, "TaskModel")
          .def("outputs", [](const SharedTask& self) { return self.model().outputs(); })
          .def("labels", &labels)
          .def("pose", &run_pose, py::arg("image"), py::arg("boxes"), py::arg("flip_test"),
               py::arg("mode"))
          .def("run", &run_maps, py::arg("images"), py::arg("mode")));
  module.def("open_task", &open_task, py::arg("file"), py::arg("engine"), py::arg("model"),
             py::arg("task"));
}

}  // namespace sapiens::python
