#pragma once

#include <pybind11/pybind11.h>

#include <sapiens/features.hpp>
#include <sapiens/onnx.hpp>
#include <sapiens/report.hpp>
#include <string_view>
#include <utility>

namespace sapiens::python {

namespace py = pybind11;

// One function per file. What they bind is for the package's own Python files, which say what users
// see; _sapiens.pyi lists it.
void bind_errors(py::module_& module);
void bind_arrays(py::module_& module);
void bind_options(py::module_& module);
void bind_images(py::module_& module);
void bind_published(py::module_& module);
void bind_checkpoints(py::module_& module);
void bind_encoder(py::module_& module);
void bind_tasks(py::module_& module);
void bind_detector(py::module_& module);
void bind_reconstructor(py::module_& module);
void bind_drawing(py::module_& module);
void bind_eval(py::module_& module);
void bind_onnx(py::module_& module);
void bind_pooling(py::module_& module);

/// A str of text that may hold any bytes, such as the keys of a hostile file. `on_error` as in
/// bytes.decode: "replace", or "surrogateescape" where nothing may be lost.
py::str to_str(std::string_view text, const char* on_error = "replace");

/// The text and the JSON document of an inspection.
std::pair<py::str, py::str> to_report(const Inspection& inspection);

/// What Python calls the stats of a model; `forward_seconds` are those of the last call.
py::dict to_dict(const std::pair<EngineStats, double>& stats_and_forward_seconds);

// Throw Error(InvalidArgument) for names that do not exist.
Precision precision_named(std::string_view name);
PreprocessMode preprocess_named(std::string_view name);
OutType out_type_named(std::string_view name);
Layout layout_named(std::string_view name);
OnnxAttention onnx_attention_named(std::string_view name);
Use use_named(std::string_view name);
std::optional<DType> float_type_named(std::string_view name);  ///< Nothing for "".

}  // namespace sapiens::python
