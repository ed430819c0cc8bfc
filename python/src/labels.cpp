#include <pybind11/stl.h>

#include <sapiens/labels.hpp>
#include <string>
#include <vector>

#include "bindings.hpp"

namespace sapiens::python {
namespace {

using NamesAndMirrors = std::vector<std::pair<std::string, int>>;

template <typename Labels>
NamesAndMirrors names_and_mirrors(const Labels& labels) {
  NamesAndMirrors all;
  for (const auto& label : labels) all.emplace_back(label.name, label.mirror);
  return all;
}

NamesAndMirrors published_keypoints(Index count) {
  const KeypointSet* const set = find_keypoint_set(count);
  return set ? names_and_mirrors(set->keypoints) : NamesAndMirrors{};
}

NamesAndMirrors published_classes(Index count) {
  const SegClassSet* const set = find_seg_classes(count);
  return set ? names_and_mirrors(set->classes) : NamesAndMirrors{};
}

}  // namespace

void bind_labels(py::module_& module) {
  module.def("published_keypoints", &published_keypoints, py::arg("count"));
  module.def("published_classes", &published_classes, py::arg("count"));
}

}  // namespace sapiens::python
