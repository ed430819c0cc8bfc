#include <fmt/format.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sapiens/checkpoint.hpp>
#include <sapiens/error.hpp>
#include <sapiens/onnx.hpp>

#include "bindings.hpp"
#include "classes.hpp"

namespace sapiens::python {
namespace {

/// What was given where a name of a few letters belongs.
std::string shortened(std::string_view name) {
  constexpr std::size_t kMaxShown = 64;
  if (name.size() <= kMaxShown) return std::string(name);
  return fmt::format("{}... ({} bytes)", name.substr(0, kMaxShown), name.size());
}

void expect_name(const char* what, std::string_view name) {
  constexpr std::size_t kMaxName = 256;
  if (name.size() <= kMaxName) return;
  throw Error(
      ErrorCode::InvalidArgument,
      {.summary = fmt::format("{} is no name", what), .key = what, .actual = shortened(name)});
}

template <typename T>
using Choice = std::pair<std::string_view, T>;

template <typename T, std::size_t kCount>
T chosen(const char* what, std::string_view name, const std::array<Choice<T>, kCount>& choices) {
  std::string known;
  for (const auto& [text, value] : choices) {
    if (text == name) return value;
    known += (known.empty() ? "" : ", ") + std::string(text);
  }
  throw Error(ErrorCode::InvalidArgument, {.summary = fmt::format("there is no such {}", what),
                                           .key = what,
                                           .expected = "one of " + known,
                                           .actual = shortened(name)});
}

void expect_range(const char* what, Index value, Index least, Index most) {
  if (least <= value && value <= most) return;
  throw Error(ErrorCode::InvalidArgument, {.summary = fmt::format("{} is out of range", what),
                                           .key = what,
                                           .expected = fmt::format("{} to {}", least, most),
                                           .actual = std::to_string(value)});
}

using Size = std::optional<std::pair<Index, Index>>;

// More than any image: a mistyped number is an error here, not a failed allocation later.
std::optional<Grid> to_grid(const char* what, const Size& size, Index least) {
  constexpr Index kMaxExtent = 1 << 16;
  if (!size) return std::nullopt;
  expect_range(what, size->first, least, kMaxExtent);
  expect_range(what, size->second, least, kMaxExtent);
  return Grid{size->first, size->second};
}

ModelOptions model_options(const std::string& arch, const std::string& task, Index heads,
                           Index decoder_heads, const Size& grid, const Size& size,
                           std::optional<Index> patch_padding, bool allow_partial,
                           const std::string& prefix) {
  constexpr Index kPatch = 16, kMaxHeads = 1024;
  expect_name("arch", arch);
  expect_name("task", task);
  expect_range("heads", heads, 0, kMaxHeads);
  expect_range("decoder_heads", decoder_heads, 0, kMaxHeads);
  return {.arch = arch,
          .task = task.empty() ? std::nullopt : std::optional(parse_task(task)),
          .heads = heads,
          .decoder_heads = decoder_heads,
          .grid = to_grid("grid", grid, 1),
          .input_size = to_grid("size", size, kPatch),
          .patch_padding = patch_padding,
          .allow_partial = allow_partial,
          .prefix = prefix};
}

EngineOptions engine_options(int threads, const std::string& isa, std::string_view precision) {
  expect_name("isa", isa);
  return {.threads = threads, .isa = isa, .precision = precision_named(precision)};
}

}  // namespace

Precision precision_named(std::string_view name) {
  constexpr std::array kChoices = {
      Choice<Precision>{"auto", Precision::Auto}, Choice<Precision>{"fp32", Precision::Fp32},
      Choice<Precision>{"bf16", Precision::Bf16}, Choice<Precision>{"int8", Precision::Int8}};
  return chosen("precision", name, kChoices);
}

PreprocessMode preprocess_named(std::string_view name) {
  constexpr std::array kChoices = {Choice<PreprocessMode>{"full", PreprocessMode::Full},
                                   Choice<PreprocessMode>{"lite", PreprocessMode::Lite}};
  return chosen("preprocess", name, kChoices);
}

OutType out_type_named(std::string_view name) {
  std::array<Choice<OutType>, kAllOutTypes.size()> choices;
  std::ranges::transform(kAllOutTypes, choices.begin(), [](OutType type) {
    return Choice<OutType>{out_type_name(type), type};
  });
  return chosen("out_type", name, choices);
}

Layout layout_named(std::string_view name) {
  constexpr std::array kChoices = {
      Choice<Layout>{"mmengine", Layout::MMEngine}, Choice<Layout>{"clean", Layout::Clean},
      Choice<Layout>{"published", Layout::Published}, Choice<Layout>{"timm", Layout::Timm}};
  return chosen("layout", name, kChoices);
}

OnnxAttention onnx_attention_named(std::string_view name) {
  constexpr std::array kChoices = {Choice<OnnxAttention>{"plain", OnnxAttention::Plain},
                                   Choice<OnnxAttention>{"fused", OnnxAttention::Fused}};
  return chosen("attention", name, kChoices);
}

Use use_named(std::string_view name) {
  constexpr std::array kChoices = {
      Choice<Use>{"features", Use::Features}, Choice<Use>{"reconstruct", Use::Reconstruct},
      Choice<Use>{"pose", Use::Pose},         Choice<Use>{"seg", Use::Seg},
      Choice<Use>{"depth", Use::Depth},       Choice<Use>{"normal", Use::Normal}};
  return chosen("task", name, kChoices);
}

std::optional<DType> float_type_named(std::string_view name) {
  constexpr std::array kChoices = {Choice<DType>{"float32", DType::F32},
                                   Choice<DType>{"bfloat16", DType::BF16},
                                   Choice<DType>{"float16", DType::F16}};
  if (name.empty()) return std::nullopt;
  return chosen("dtype", name, kChoices);
}

void bind_options(py::module_& module) {
  made_by_functions(py::class_<ModelOptions>(module, "ModelOptions", py::is_final()));
  module.def("model_options", &model_options, py::kw_only(), py::arg("arch") = "",
             py::arg("task") = "", py::arg("heads") = 0, py::arg("decoder_heads") = 0,
             py::arg("grid") = py::none(), py::arg("size") = py::none(),
             py::arg("patch_padding") = py::none(), py::arg("allow_partial") = false,
             py::arg("prefix") = "");
  made_by_functions(py::class_<EngineOptions>(module, "EngineOptions", py::is_final()));
  module.def("engine_options", &engine_options, py::kw_only(), py::arg("threads") = 0,
             py::arg("isa") = "", py::arg("precision") = "auto");
}

}  // namespace sapiens::python
