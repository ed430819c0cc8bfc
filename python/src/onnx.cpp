#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <filesystem>
#include <optional>
#include <sapiens/checkpoint.hpp>
#include <sapiens/onnx.hpp>
#include <sapiens/printable.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "bindings.hpp"
#include "classes.hpp"
#include "gil.hpp"

namespace sapiens::python {
namespace {

OnnxOptions onnx_options(const std::vector<std::string>& out_types, std::string_view dtype,
                         int opset, Index batch, bool dynamic_size, bool with_preprocessing,
                         std::string_view attention, bool raw_maps, std::optional<float> min_score,
                         std::optional<float> nms_iou, std::optional<Index> max_detections,
                         const ModelOptions& model) {
  OnnxOptions options{.dtype = float_type_named(dtype).value_or(DType::F32),
                      .opset = opset,
                      .batch = batch,
                      .dynamic_size = dynamic_size,
                      .with_preprocessing = with_preprocessing,
                      .attention = onnx_attention_named(attention),
                      .raw_maps = raw_maps,
                      .min_score = min_score,
                      .nms_iou = nms_iou,
                      .max_detections = max_detections,
                      .model = model};
  for (const std::string& name : out_types) options.out_types.push_back(out_type_named(name));
  return options;
}

/// (name, type, shape) of each.
py::list values_list(const std::vector<OnnxValue>& values) {
  py::list list;
  for (const OnnxValue& value : values)
    list.append(py::make_tuple(value.name, value.type, value.shape));
  return list;
}

py::dict convert_to_onnx(const std::filesystem::path& file, const std::filesystem::path& output,
                         const OnnxOptions& options) {
  OnnxResult result;
  const Progress progress = interruptible();
  {
    const WithoutGil no_gil;
    result = sapiens::convert_to_onnx(Checkpoint::open(file), output, options, progress);
  }
  py::list warnings;
  for (const std::string& warning : result.warnings) warnings.append(to_str(printable(warning)));
  using namespace py::literals;
  return py::dict(
      "report"_a = to_report(result.inspection), "inputs"_a = values_list(result.inputs),
      "outputs"_a = values_list(result.outputs), "files"_a = result.files, "bytes"_a = result.bytes,
      "opset"_a = result.opset, "nodes"_a = result.nodes, "warnings"_a = warnings);
}

}  // namespace

void bind_onnx(py::module_& module) {
  made_by_functions(py::class_<OnnxOptions>(module, "OnnxOptions", py::is_final()));
  module.def("onnx_options", &onnx_options, py::kw_only(), py::arg("out_types"), py::arg("dtype"),
             py::arg("opset"), py::arg("batch"), py::arg("dynamic_size"),
             py::arg("with_preprocessing"), py::arg("attention"), py::arg("raw_maps"),
             py::arg("min_score"), py::arg("nms_iou"), py::arg("max_detections"), py::arg("model"));
  module.def("convert_to_onnx", &convert_to_onnx, py::arg("file"), py::arg("output"),
             py::arg("options"));
}

}  // namespace sapiens::python
