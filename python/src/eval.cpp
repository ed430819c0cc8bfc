#include <fmt/format.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <mutex>
#include <sapiens/error.hpp>
#include <sapiens/eval.hpp>
#include <utility>

#include "arrays.hpp"
#include "bindings.hpp"
#include "classes.hpp"
#include "gil.hpp"

namespace sapiens::python {
namespace {

/// An evaluator that Python's threads share, and that compares without the GIL. The lock is taken
/// after the GIL is released and given back before it is taken again, as by `Shared`.
template <typename Evaluator>
class SharedEvaluator {
 public:
  template <typename... Arguments>
  explicit SharedEvaluator(const Arguments&... arguments) : evaluator_(arguments...) {}

  /// `use(evaluator)`, which must not touch Python.
  template <typename Use>
  auto with(Use use) {
    const WithoutGil no_gil;
    const std::lock_guard lock(mutex_);
    return use(evaluator_);
  }

  auto result() {
    return with([](Evaluator& evaluator) { return evaluator.result(); });
  }

 private:
  std::mutex mutex_;
  Evaluator evaluator_;
};

using SharedSegmentation = SharedEvaluator<SegmentationEvaluator>;
using SharedDepth = SharedEvaluator<DepthEvaluator>;
using SharedNormals = SharedEvaluator<NormalEvaluator>;
using SharedKeypoints = SharedEvaluator<KeypointEvaluator>;
using SharedPck = SharedEvaluator<PckEvaluator>;

template <typename Evaluator>
py::dict metrics(SharedEvaluator<Evaluator>& self) {
  py::dict named;
  for (const Metric& metric : metrics_of(self.result())) named[to_str(metric.name)] = metric.value;
  return named;
}

void add_classes(SharedSegmentation& self, const py::object& found_ids, const py::object& labels) {
  const Bytes truth = to_bytes(labels, "class ids");
  truth.expect_shape("the true classes", std::array{kAny, kAny});
  const Bytes found = to_bytes(found_ids, "class ids");
  found.expect_shape("the found classes", std::array{truth.shape(0), truth.shape(1)});
  self.with([&](SegmentationEvaluator& e) { e.add(found.items(), truth.items()); });
}

std::vector<std::optional<double>> ious(SharedSegmentation& self) {
  std::vector<std::optional<double>> found;
  for (const SegmentationScores::Class& one : self.result().classes) found.push_back(one.iou());
  return found;
}

/// Of arrays whose shape is [H, W] and `channels`, and a mask [H, W].
template <typename Evaluator>
bool add_map(SharedEvaluator<Evaluator>& self, const py::object& found_values,
             const py::object& true_values, const py::object& mask_values,
             std::initializer_list<Index> channels) {
  std::vector<Index> shape = {kAny, kAny};
  shape.insert(shape.end(), channels);
  const Floats truth = to_floats(true_values, "true values");
  truth.expect_shape("the array of true values", shape);
  shape[0] = truth.shape(0);
  shape[1] = truth.shape(1);
  const Floats found = to_floats(found_values, "found values");
  found.expect_shape("the array of found values", shape);
  const Bytes mask = to_bytes(mask_values, "a mask");
  mask.expect_shape("the mask", std::span(shape).first(2));
  return self.with([&](Evaluator& e) { return e.add(found.items(), truth.items(), mask.items()); });
}

bool add_depths(SharedDepth& self, const py::object& found, const py::object& truth,
                const py::object& mask) {
  return add_map(self, found, truth, mask, {});
}

bool add_normals(SharedNormals& self, const py::object& found, const py::object& truth,
                 const py::object& mask) {
  return add_map(self, found, truth, mask, {3});
}

/// An array of finite numbers of this shape; `what` names it.
Doubles finite(const py::object& numbers, const char* what, std::span<const Index> shape) {
  Doubles array = to_doubles(numbers, what);
  array.expect_shape(fmt::format("the array of {}", what).c_str(), shape);
  const auto is_finite = [](double number) { return std::isfinite(number); };
  if (std::ranges::all_of(array.items(), is_finite)) return array;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = fmt::format("{} are not finite numbers", what)});
}

int to_visibility(double number) {
  if (number == 0 || number == 1 || number == 2) return static_cast<int>(number);
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "this is no visibility of a keypoint",
               .expected = "0 (not labelled), 1 (hidden) or 2 (visible)",
               .actual = fmt::format("{}", number)});
}

/// Of keypoints [N, K, 3]: x, y, visibility; and boxes [N, 4].
std::vector<GroundTruthPerson> to_persons(const py::object& true_points,
                                          const py::object& true_boxes) {
  const Doubles points = finite(true_points, "true keypoints", std::array{kAny, kAny, Index{3}});
  const Doubles boxes = finite(true_boxes, "true boxes", std::array{points.shape(0), Index{4}});
  std::vector<GroundTruthPerson> persons;
  const double* at = points.data();
  for (Index n = 0; n < points.shape(0); ++n) {
    const double* const box = boxes.data() + 4 * n;
    GroundTruthPerson person{.x = box[0], .y = box[1], .width = box[2], .height = box[3]};
    for (Index k = 0; k < points.shape(1); ++k, at += 3) {
      person.keypoints.push_back({at[0], at[1], to_visibility(at[2])});
      person.num_keypoints += person.keypoints.back().visibility > 0;
    }
    persons.push_back(std::move(person));
  }
  return persons;
}

/// Of keypoints [P, K, 2].
std::vector<PredictedPerson> to_found(const py::object& found_points) {
  const Doubles points = finite(found_points, "found keypoints", std::array{kAny, kAny, Index{2}});
  std::vector<PredictedPerson> persons(static_cast<std::size_t>(points.shape(0)));
  const double* at = points.data();
  for (PredictedPerson& person : persons) {
    for (Index k = 0; k < points.shape(1); ++k, at += 2) person.keypoints.push_back({at[0], at[1]});
  }
  return persons;
}

/// `scores` are [P] of persons, or [P, K] of their keypoints, which count by those of `boxes`.
void set_scores(std::vector<PredictedPerson>& persons, const py::object& found_scores,
                const py::object& found_boxes) {
  const auto count = std::ssize(persons);
  const Doubles scores = to_doubles(found_scores, "scores");
  if (scores.ndim() == 1) {
    scores.expect_shape("the scores of found persons", std::array{count});
    for (Index p = 0; p < count; ++p) persons[p].score = scores.data()[p];
    return;
  }
  scores.expect_shape("the scores of found keypoints", std::array{count, kAny});
  std::vector<Box> boxes(persons.size());
  if (!found_boxes.is_none()) boxes = to_boxes(found_boxes);
  if (std::ssize(boxes) != count) {
    throw_shape_mismatch("the array of found boxes", std::array{count, Index{5}},
                         std::array{std::ssize(boxes), Index{5}});
  }
  const auto points = static_cast<std::size_t>(scores.shape(1));
  for (std::size_t p = 0; p < persons.size(); ++p) {
    persons[p].score = person_score(boxes[p].score, scores.items().subspan(p * points, points));
  }
}

void add_persons(SharedKeypoints& self, std::int64_t image, const py::object& true_points,
                 const py::object& true_boxes, const py::object& true_areas,
                 const py::object& crowds, const py::object& found_points,
                 const py::object& found_scores, const py::object& found_boxes) {
  std::vector<GroundTruthPerson> persons = to_persons(true_points, true_boxes);
  const Doubles areas = finite(true_areas, "areas", std::array{std::ssize(persons)});
  const Bytes crowd = to_bytes(crowds, "crowds");
  crowd.expect_shape("the array of crowds", std::array{std::ssize(persons)});
  for (std::size_t n = 0; n < persons.size(); ++n) {
    persons[n].area = areas.items()[n];
    persons[n].crowd = crowd.items()[n] != 0;
  }
  std::vector<PredictedPerson> found = to_found(found_points);
  set_scores(found, found_scores, found_boxes);
  self.with([&](KeypointEvaluator& e) { e.add(image, persons, found); });
}

/// Persons and what was found of each; None: they were not found.
void add_pairs(SharedPck& self, const py::object& true_points, const py::object& true_boxes,
               const py::object& found_points) {
  const std::vector<GroundTruthPerson> persons = to_persons(true_points, true_boxes);
  std::vector<PredictedPerson> found;
  if (!found_points.is_none()) {
    found = to_found(found_points);
    if (found.size() != persons.size()) {
      throw_shape_mismatch("the array of found keypoints",
                           std::array{std::ssize(persons), kAny, Index{2}},
                           std::array{std::ssize(found), kAny, Index{2}});
    }
  }
  self.with([&](PckEvaluator& e) {
    for (std::size_t n = 0; n < persons.size(); ++n) {
      e.add(persons[n], found.empty() ? nullptr : &found[n]);
    }
  });
}

std::vector<std::optional<double>> pck_shares(SharedPck& self) {
  std::vector<std::optional<double>> shares;
  for (const PckScores::Point& point : self.result().points) shares.push_back(point.share());
  return shares;
}

/// The class `name` of Python with what every evaluator has.
template <typename Evaluator>
py::class_<SharedEvaluator<Evaluator>> bind_evaluator(py::module_& module, const char* name) {
  return py::class_<SharedEvaluator<Evaluator>>(module, name, py::is_final())
      .def("metrics", &metrics<Evaluator>);
}

}  // namespace

void bind_eval(py::module_& module) {
  made_by_functions(bind_evaluator<SegmentationEvaluator>(module, "SegmentationEvaluator")
                        .def("add", &add_classes, py::arg("found"), py::arg("truth"))
                        .def("ious", &ious));
  made_by_functions(
      bind_evaluator<DepthEvaluator>(module, "DepthEvaluator")
          .def("add", &add_depths, py::arg("found"), py::arg("truth"), py::arg("mask")));
  made_by_functions(
      bind_evaluator<NormalEvaluator>(module, "NormalEvaluator")
          .def("add", &add_normals, py::arg("found"), py::arg("truth"), py::arg("mask")));
  made_by_functions(bind_evaluator<KeypointEvaluator>(module, "KeypointEvaluator")
                        .def("add", &add_persons, py::arg("image"), py::arg("keypoints"),
                             py::arg("boxes"), py::arg("areas"), py::arg("crowds"),
                             py::arg("found"), py::arg("scores"), py::arg("found_boxes")));
  made_by_functions(
      bind_evaluator<PckEvaluator>(module, "PckEvaluator")
          .def("add", &add_pairs, py::arg("keypoints"), py::arg("boxes"), py::arg("found"))
          .def("shares", &pck_shares));
  module.def(
      "segmentation_evaluator",
      [](Index classes) { return std::make_unique<SharedSegmentation>(classes); },
      py::arg("classes"));
  module.def("depth_evaluator", [] { return std::make_unique<SharedDepth>(); });
  module.def("normal_evaluator", [] { return std::make_unique<SharedNormals>(); });
  module.def(
      "keypoint_evaluator",
      [](const std::vector<double>& sigmas) { return std::make_unique<SharedKeypoints>(sigmas); },
      py::arg("sigmas"));
  module.def(
      "pck_evaluator",
      [](Index keypoints, double threshold) {
        return std::make_unique<SharedPck>(keypoints, threshold);
      },
      py::arg("keypoints"), py::arg("threshold"));
  module.def(
      "oks_sigmas",
      [](Index keypoints) {
        const KeypointSet* const set = find_keypoint_set(keypoints);
        return set ? oks_sigmas(*set) : std::vector<double>{};
      },
      py::arg("keypoints"));
}

}  // namespace sapiens::python
