#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sapiens/draw.hpp>
#include <sapiens/error.hpp>
#include <sapiens/tasks.hpp>

#include "arrays.hpp"
#include "bindings.hpp"
#include "shared.hpp"

namespace sapiens::python {
namespace {

using SharedTask = Shared<TaskModel>;
template <typename T>
[[noreturn]] void refuse_shape(const char* what, const char* expected, const Numbers<T>& found) {
  throw Error(ErrorCode::ShapeMismatch, {.summary = fmt::format("these are no {}", what),
                                         .expected = expected,
                                         .actual = found.shape_text()});
}

template <int kRank>
TensorView<const float, kRank> view_of(const Floats& array, const char* what,
                                       const char* expected) {
  if (array.ndim() != kRank || array.size() == 0) refuse_shape(what, expected, array);
  std::array<Index, kRank> shape;
  for (int axis = 0; axis < kRank; ++axis) shape[axis] = array.shape(axis);
  return {array.data(), shape};
}

/// Drawn without the GIL; the caller of the Python function keeps what `draw` looks at.
template <typename Draw>
py::object drawn(const Draw& draw) {
  Image image;
  {
    const WithoutGil no_gil;
    image = draw();
  }
  return moved(std::move(image));
}

py::object paint_features(const Image& image, const py::object& array) {
  const Floats featmap = to_floats(array, "features");
  const auto view = view_of<3>(featmap, "features to draw", "[C, rows, columns]");
  return drawn([&] { return draw_features(image, view); });
}

py::object paint_depth(const Image& image, const py::object& array, const py::object& shown) {
  const Floats depth = to_floats(array, "depths");
  const Bytes mask = to_bytes(shown, "a mask");  // an empty one stands for all pixels
  const auto view = view_of<2>(depth, "depths", "[H, W]");
  return drawn([&] { return draw_depth(image, view, mask.items()); });
}

py::object paint_normals(const Image& image, const py::object& array, const py::object& shown) {
  const Floats normals = to_floats(array, "normals");
  const Bytes mask = to_bytes(shown, "a mask");
  const auto view = view_of<3>(normals, "normals", "[H, W, 3]");
  return drawn([&] { return draw_normals(image, view, mask.items()); });
}

py::object paint_classes(const SharedTask& task, const Image& image, const py::object& array) {
  const Bytes ids = to_bytes(array, "class ids");
  if (ids.ndim() != 2) refuse_shape("class ids", "[H, W]", ids);
  const TaskModel& model = task.model();
  const std::span<const std::uint8_t> given = ids.items();
  const auto unknown =
      std::ranges::find_if(given, [&](std::uint8_t id) { return id >= model.outputs(); });
  if (unknown != given.end()) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "a class that the model does not have",
                 .expected = fmt::format("0 to {}", model.outputs() - 1),
                 .actual = std::to_string(*unknown)});
  }
  const Segmentation found{.width = ids.shape(1),
                           .height = ids.shape(0),
                           .classes = model.outputs(),
                           .ids = {given.begin(), given.end()}};
  return drawn([&] { return draw_segmentation(image, found, model.seg_classes()); });
}

/// Of arrays [P, K, 2], [P, K] and [P, 5], as `pose` makes them.
std::vector<Pose> to_poses(const Floats& points, const Floats& scores, const Floats& boxes) {
  const auto xy = view_of<3>(points, "keypoints", "[P, K, 2]");
  const Index persons = xy.extent(0), count = xy.extent(1);
  if (xy.extent(2) != 2) refuse_shape("keypoints", "[P, K, 2]", points);
  if (scores.ndim() != 2 || scores.shape(0) != persons || scores.shape(1) != count) {
    refuse_shape("scores of these keypoints", "[P, K]", scores);
  }
  if (boxes.ndim() != 2 || boxes.shape(0) != persons || boxes.shape(1) != 5) {
    refuse_shape("boxes of these persons", "[P, 5]", boxes);
  }
  std::vector<Pose> poses;
  for (Index p = 0; p < persons; ++p) {
    const float* const box = boxes.data() + 5 * p;
    Pose pose{.box = {box[0], box[1], box[2], box[3], box[4]}};
    for (Index k = 0; k < count; ++k) {
      pose.keypoints.push_back({xy[p][k][0], xy[p][k][1], scores.data()[p * count + k]});
    }
    poses.push_back(std::move(pose));
  }
  return poses;
}

py::object paint_pose(const SharedTask& task, const Image& image, const py::object& keypoints,
                      const py::object& heights, const py::object& persons, float min_score) {
  const Floats points = to_floats(keypoints, "keypoints");
  const Floats scores = to_floats(heights, "scores");
  const Floats boxes = to_floats(persons, "boxes");
  const bool nobody = points.ndim() == 3 && points.shape(0) == 0;
  const std::vector<Pose> poses = nobody ? std::vector<Pose>{} : to_poses(points, scores, boxes);
  return drawn([&] {
    return draw_pose(image, poses, task.model().keypoint_set(), {.min_score = min_score});
  });
}

}  // namespace

void bind_drawing(py::module_& module) {
  module.def("draw_features", &paint_features, py::arg("image"), py::arg("featmap"));
  module.def("draw_pose", &paint_pose, py::arg("model"), py::arg("image"), py::arg("keypoints"),
             py::arg("scores"), py::arg("boxes"), py::arg("min_score"));
  module.def("draw_segmentation", &paint_classes, py::arg("model"), py::arg("image"),
             py::arg("ids"));
  module.def("draw_depth", &paint_depth, py::arg("image"), py::arg("depth"), py::arg("mask"));
  module.def("draw_normals", &paint_normals, py::arg("image"), py::arg("normals"), py::arg("mask"));
}

}  // namespace sapiens::python
