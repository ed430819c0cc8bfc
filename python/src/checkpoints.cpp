#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <filesystem>
#include <sapiens/checkpoint.hpp>
#include <sapiens/hub.hpp>
#include <sapiens/printable.hpp>
#include <sapiens/tasks.hpp>
#include <sapiens/tensors.hpp>
#include <sapiens/verify.hpp>

#include "arrays.hpp"
#include "bindings.hpp"
#include "classes.hpp"
#include "gil.hpp"

namespace sapiens::python {
namespace {

using Path = std::filesystem::path;

std::pair<py::str, py::str> inspect(const Path& file, const ModelOptions& options) {
  Inspection inspection;
  {
    const WithoutGil no_gil;
    inspection = Checkpoint::open(file).inspect(options);
  }
  return to_report(inspection);
}

py::list output_names(const Path& file, const ModelOptions& options) {
  std::vector<std::string> names;
  {
    const WithoutGil no_gil;
    names = sapiens::output_names(Checkpoint::open(file), options);
  }
  py::list list;
  for (const std::string& name : names) list.append(to_str(name));
  return list;
}

/// What `Verification` of the package is made of.
py::dict verify_checkpoint(const Path& file) {
  Verification found;
  {
    const WithoutGil no_gil;
    found = sapiens::verify_checkpoint(Checkpoint::open(file));
  }
  py::list damaged, notes;
  using namespace py::literals;
  for (const DamagedMember& member : found.damaged) {
    damaged.append(py::dict("name"_a = to_str(member.name), "tensors"_a = to_str(member.tensors),
                            "expected"_a = member.expected, "actual"_a = to_str(member.actual)));
  }
  for (const std::string& line : describe(found)) notes.append(to_str(line));
  return py::dict("checksum"_a = found.checksum, "members"_a = found.members,
                  "bytes"_a = found.bytes, "unguarded_tensors"_a = found.unguarded_tensors,
                  "damaged"_a = damaged, "notes"_a = notes);
}

// NumPy has no bf16: its bits come as uint16, and the package makes of them what it was asked for.
const char* numpy_type(DType dtype) {
  switch (dtype) {
    case DType::F64:
      return "f8";
    case DType::F32:
      return "f4";
    case DType::F16:
      return "f2";
    case DType::BF16:
      return "u2";
    case DType::I64:
      return "i8";
    case DType::I32:
      return "i4";
    case DType::I16:
      return "i2";
    case DType::I8:
      return "i1";
    case DType::U8:
      return "u1";
    case DType::Bool:
      return "?";
  }
  return "V1";
}

py::object to_array(Tensor tensor) {
  return moved(std::move(tensor.bytes), tensor.shape, numpy_type(tensor.dtype),
               static_cast<py::ssize_t>(dtype_size(tensor.dtype)));
}

/// (key, dtype, array) of each.
py::list to_list(std::vector<Tensor> tensors) {
  py::list list;
  for (Tensor& tensor : tensors) {
    // Keys must stay apart whatever bytes they hold.
    py::str key = to_str(tensor.key, "surrogateescape");
    py::str dtype = to_str(dtype_name(tensor.dtype));
    list.append(py::make_tuple(std::move(key), std::move(dtype), to_array(std::move(tensor))));
  }
  return list;
}

/// (tensors, warnings)
py::tuple load_tensors(const Path& file, const ConvertOptions& options) {
  ConvertedTensors converted;
  const Progress progress = interruptible();
  {
    const WithoutGil no_gil;
    converted = convert_in_memory(Checkpoint::open(file), options, progress);
  }
  py::list warnings;
  for (const std::string& warning : converted.result.warnings)
    warnings.append(to_str(printable(warning)));
  return py::make_tuple(to_list(std::move(converted.tensors)), warnings);
}

/// (tensors, report, heads of the decoder, whether parameters were left at zero)
py::tuple read_model(const Path& file, std::string_view use, const ModelOptions& options) {
  std::optional<Use> wanted;
  if (!use.empty()) wanted = use_named(use);
  ModelTensors model;
  const Progress progress = interruptible();
  {
    const WithoutGil no_gil;
    model = sapiens::read_model(Checkpoint::open(file), wanted, options, progress);
  }
  return py::make_tuple(to_list(std::move(model.tensors)), to_report(model.inspection),
                        model.decoder_heads, model.partial);
}

ConvertOptions convert_options(std::string_view layout, std::string_view dtype, bool keep_unused,
                               const ModelOptions& model) {
  return {.layout = layout_named(layout),
          .dtype = float_type_named(dtype),
          .keep_unused = keep_unused,
          .model = model};
}

py::list convert(const Path& file, const Path& output, const ConvertOptions& options) {
  ConvertResult result;
  const Progress progress = interruptible();
  {
    const WithoutGil no_gil;
    result = convert_checkpoint(Checkpoint::open(file), output, options, progress);
  }
  py::list warnings;
  for (const std::string& warning : result.warnings) warnings.append(to_str(printable(warning)));
  return warnings;
}

void synthesize(const Path& output, const std::string& arch, const std::string& task,
                std::string_view layout, std::string_view dtype, std::uint64_t seed) {
  const SynthOptions options{.arch = arch,
                             .task = parse_task(task),
                             .layout = layout_named(layout),
                             .dtype = float_type_named(dtype).value_or(DType::F32),
                             .seed = seed};
  const Progress progress = interruptible();
  const WithoutGil no_gil;
  synthesize_checkpoint(output, options, progress);
}

}  // namespace

std::pair<py::str, py::str> to_report(const Inspection& inspection) {
  return {to_str(inspection.text()), to_str(inspection.json())};
}

void bind_checkpoints(py::module_& module) {
  made_by_functions(py::class_<ConvertOptions>(module, "ConvertOptions", py::is_final()));
  module.def("convert_options", &convert_options, py::kw_only(), py::arg("layout"),
             py::arg("dtype"), py::arg("keep_unused"), py::arg("model"));
  module.def(
      "printable", [](std::string_view text) { return to_str(printable(text)); }, py::arg("text"));
  module.def("inspect", &inspect, py::arg("file"), py::arg("options"));
  module.def("output_names", &output_names, py::arg("file"), py::arg("options"));
  module.def("verify_checkpoint", &verify_checkpoint, py::arg("file"));
  module.def("load_tensors", &load_tensors, py::arg("file"), py::arg("options"));
  module.def("read_model", &read_model, py::arg("file"), py::arg("use"), py::arg("options"));
  module.def(
      "find_checkpoint",
      [](const Path& path_or_name) { return find_checkpoint(path_or_name.native()); },
      py::arg("path_or_name"));
  module.def("convert", &convert, py::arg("file"), py::arg("output"), py::arg("options"));
  module.def("synthesize", &synthesize, py::arg("output"), py::arg("arch"), py::arg("task"),
             py::arg("layout"), py::arg("dtype"), py::arg("seed"));
}

}  // namespace sapiens::python
