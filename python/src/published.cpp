#include <pybind11/stl.h>

#include <sapiens/architecture.hpp>
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

/// By name, (width, blocks, heads, (rows, columns)); the first family alone, which can be trained.
py::dict sapiens_architectures() {
  py::dict all;
  for (const Architecture& arch : architectures()) {
    if (arch.family != "sapiens") continue;
    all[py::str(arch.name)] = py::make_tuple(arch.width, arch.depth, arch.heads,
                                             py::make_tuple(arch.grid.height, arch.grid.width));
  }
  return all;
}

/// (channels of transposed convolutions, of 1x1 convolutions, padding of the patches)
py::tuple published_head(std::string_view task, Index width, Index outputs) {
  const HeadArchitecture head = head_architecture(parse_task(task), width, outputs);
  return py::make_tuple(head.deconvs, head.convs, head.patch_padding);
}

}  // namespace

void bind_published(py::module_& module) {
  module.def("architectures", &sapiens_architectures);
  module.def("published_head", &published_head, py::arg("task"), py::arg("width"),
             py::arg("outputs"));
  module.def("published_keypoints", &published_keypoints, py::arg("count"));
  module.def("published_classes", &published_classes, py::arg("count"));
}

}  // namespace sapiens::python
