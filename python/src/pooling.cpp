#include <pybind11/stl.h>

#include <array>
#include <sapiens/pooling.hpp>
#include <utility>

#include "arrays.hpp"
#include "bindings.hpp"

namespace sapiens::python {
namespace {

using HeightAndWidth = std::pair<Index, Index>;

Grid grid_from(const HeightAndWidth& size) { return {size.first, size.second}; }

TensorView<const float, 3> map_of(const Floats& featmap) {
  featmap.expect_shape("the featmap", std::array{kAny, kAny, kAny});
  return {featmap.data(), {featmap.shape(0), featmap.shape(1), featmap.shape(2)}};
}

py::object mean_of_map(const py::object& featmap) {
  return moved(pool_mean(map_of(to_floats(featmap, "a featmap"))));
}

py::object grid_of_map(const py::object& featmap, const HeightAndWidth& grid) {
  return moved(pool_grid(map_of(to_floats(featmap, "a featmap")), grid_from(grid)));
}

py::object masked_map(const py::object& featmap, const py::object& mask,
                      const HeightAndWidth& input, Index padding) {
  const Bytes pixels = to_bytes(mask, "a mask");
  pixels.expect_shape("the mask", std::array{kAny, kAny});
  return moved(pool_mask(map_of(to_floats(featmap, "a featmap")), pixels.items(),
                         {.image = {pixels.shape(0), pixels.shape(1)},
                          .input = grid_from(input),
                          .padding = padding}));
}

py::object boxes_of_map(const py::object& featmap, const py::object& boxes,
                        const HeightAndWidth& image, const HeightAndWidth& input, Index padding) {
  return moved(
      pool_boxes(map_of(to_floats(featmap, "a featmap")), to_boxes(boxes),
                 {.image = grid_from(image), .input = grid_from(input), .padding = padding}));
}

}  // namespace

void bind_pooling(py::module_& module) {
  module.def("pool_mean", &mean_of_map, py::arg("featmap"));
  module.def("pool_grid", &grid_of_map, py::arg("featmap"), py::arg("grid"));
  module.def("pool_mask", &masked_map, py::arg("featmap"), py::arg("mask"), py::arg("input"),
             py::arg("padding"));
  module.def("pool_boxes", &boxes_of_map, py::arg("featmap"), py::arg("boxes"), py::arg("image"),
             py::arg("input"), py::arg("padding"));
}

}  // namespace sapiens::python
