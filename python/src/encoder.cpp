#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <sapiens/error.hpp>
#include <sapiens/features.hpp>
#include <sapiens/prepared.hpp>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "bindings.hpp"
#include "classes.hpp"
#include "shared.hpp"

namespace sapiens::python {
namespace {

using SharedEncoder = Shared<Encoder>;

py::object preprocess(const SharedEncoder& encoder, const Image& image, std::string_view mode) {
  FloatArray prepared;
  const PreprocessMode chosen = preprocess_named(mode);
  {
    const WithoutGil no_gil;
    prepared = encoder.model().preprocess(image, chosen);
  }
  return moved(std::move(prepared));
}

// The numbers stay where they are.
TensorView<const float, 4> view_of(const Floats& input) {
  if (input.ndim() != 4) {
    throw Error(ErrorCode::ShapeMismatch, {.summary = "this array is no batch of inputs",
                                           .expected = "[B, 3, H, W], normalised",
                                           .actual = input.shape_text()});
  }
  return {input.data(), {input.shape(0), input.shape(1), input.shape(2), input.shape(3)}};
}

/// Of the first input, which takes a moment; the others were made in the same way.
std::string doubt_about_input(const py::object& array) {
  const Floats input(array);
  const auto view = view_of(input);
  const Index all = view.size();
  return prepared_input_warning(
      {view.data(), static_cast<std::size_t>(all / std::max<Index>(1, view.extent(0)))});
}

/// (block, form, array) of every block and form that was asked for.
py::list forward(SharedEncoder& encoder, const py::object& array,
                 const std::vector<std::string>& out_types, const std::vector<Index>& layers,
                 bool norm) {
  const Floats input(array);
  const auto view = view_of(input);
  FeatureOptions options{.out_types = {}, .layers = layers, .norm_layers = norm};
  for (const std::string& name : out_types) options.out_types.push_back(out_type_named(name));
  FeatureRun found = encoder.run([&](Encoder& model, const Progress& progress) {
    options.progress = progress;
    return model.run(view, options);
  });
  py::list features;
  for (LayerFeatures& layer : found.layers) {
    features.append(
        py::make_tuple(layer.layer, out_type_name(layer.out_type), moved(std::move(layer.values))));
  }
  return features;
}

}  // namespace

py::dict to_dict(const std::pair<EngineStats, double>& stats_and_forward_seconds) {
  const auto& [stats, forward_seconds] = stats_and_forward_seconds;
  using namespace py::literals;
  return py::dict("threads"_a = stats.threads, "isa"_a = stats.isa, "precision"_a = stats.precision,
                  "unquantized"_a = stats.unquantized, "weight_bytes"_a = stats.weight_bytes,
                  "activation_bytes"_a = stats.activation_bytes,
                  "load_seconds"_a = stats.load_seconds, "forward_seconds"_a = forward_seconds);
}

void bind_encoder(py::module_& module) {
  made_by_functions(
      bind_model<Encoder>(module, "Encoder")
          .def("partial", [](const SharedEncoder& self) { return self.model().partial(); })
          .def("preprocess", &preprocess, py::arg("image"), py::arg("mode"))
          .def("forward", &forward, py::arg("input"), py::arg("out_types"), py::arg("layers"),
               py::arg("norm")));
  module.def("doubt_about_input", &doubt_about_input, py::arg("input"));
  module.def(
      "open_encoder",
      [](const std::filesystem::path& file, const EngineOptions& engine,
         const ModelOptions& model) { return SharedEncoder::open(file, engine, model); },
      py::arg("file"), py::arg("engine"), py::arg("model"));
}

}  // namespace sapiens::python
