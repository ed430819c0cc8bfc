#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <filesystem>
#include <memory>
#include <sapiens/detector.hpp>

#include "arrays.hpp"
#include "bindings.hpp"
#include "classes.hpp"
#include "shared.hpp"

namespace sapiens::python {
namespace {

using Detector = Shared<PersonDetector>;

/// [persons, 5]: x, y, width, height, score.
py::object detect(Detector& detector, const Image& image, float min_score, float nms_iou,
                  Index max_detections) {
  const Detection found = detector.run([&](PersonDetector& model, const Progress& progress) {
    return model.detect(image, {.min_score = min_score,
                                .nms_iou = nms_iou,
                                .max_detections = max_detections,
                                .progress = progress});
  });
  std::vector<float> numbers;
  for (const Box& box : found.persons) {
    numbers.insert(numbers.end(), {box.x, box.y, box.width, box.height, box.score});
  }
  return moved(std::move(numbers), {static_cast<Index>(found.persons.size()), 5});
}

}  // namespace

void bind_detector(py::module_& module) {
  made_by_functions(bind_model<PersonDetector>(module, "Detector")
                        .def("detect", &detect, py::arg("image"), py::arg("min_score"),
                             py::arg("nms_iou"), py::arg("max_detections")));
  module.def(
      "open_detector",
      [](const std::filesystem::path& file, const EngineOptions& engine) {
        return Detector::open(file, engine);
      },
      py::arg("file"), py::arg("engine"));
}

}  // namespace sapiens::python
