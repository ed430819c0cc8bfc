#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <array>
#include <filesystem>
#include <memory>
#include <sapiens/boxes.hpp>
#include <sapiens/eval.hpp>
#include <sapiens/tasks.hpp>
#include <utility>

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

/// The same for an output of a head that was computed elsewhere; `box` is None, or an array of one.
py::object decode(std::string_view task_text, const py::object& array,
                  const std::pair<Index, Index>& size, const std::pair<Index, Index>& image,
                  const py::object& box, std::string_view mode, int threads) {
  const Task task = parse_task(task_text);
  const Floats output = to_floats(array, "outputs of a head");
  output.expect_shape("the output of a head", std::array{kAny, kAny, kAny});
  const TensorView<const float, 3> view(output.data(),
                                        {output.shape(0), output.shape(1), output.shape(2)});
  DecodeOptions options{.input = {size.first, size.second},
                        .image = {image.first, image.second},
                        .mode = preprocess_named(mode),
                        .threads = threads};
  if (!box.is_none()) options.person = to_boxes(box).at(0);
  Result result;
  {
    const WithoutGil no_gil;
    result = decode_output(task, view, options);
  }
  if (const Pose* const pose = std::get_if<Pose>(&result)) {
    return to_arrays({pose, 1}, std::ssize(pose->keypoints));
  }
  return to_array(std::move(result));
}

/// What keypoints or classes are called and drawn as, and the OKS sigmas of keypoints: {"names",
/// "colors", "links", "sigmas"}; empty lists where nothing tells them.
py::dict labels(const SharedTask& task) {
  py::list names, colors, links;
  std::vector<double> sigmas;
  const auto add = [&](const auto& labelled) {
    names.append(to_str(labelled.name));
    colors.append(py::make_tuple(labelled.color.red, labelled.color.green, labelled.color.blue));
  };
  if (const KeypointSet* const set = task.model().keypoint_set()) {
    for (const KeypointInfo& point : set->keypoints) add(point);
    for (const SkeletonLink& link : set->skeleton) {
      links.append(py::make_tuple(link.from, link.to));
    }
    sigmas = oks_sigmas(*set);
  }
  if (const SegClassSet* const set = task.model().seg_classes()) {
    for (const SegClass& seg_class : set->classes) add(seg_class);
  }
  using namespace py::literals;
  return py::dict("names"_a = names, "colors"_a = colors, "links"_a = links, "sigmas"_a = sigmas);
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
  module.def("decode", &decode, py::arg("task"), py::arg("output"), py::arg("size"),
             py::arg("image"), py::arg("box"), py::arg("mode"), py::arg("threads"));
}

}  // namespace sapiens::python
