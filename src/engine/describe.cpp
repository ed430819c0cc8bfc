#include "engine/describe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>
#include <vector>

#include "core/shape.hpp"
#include "model/task_table.hpp"

namespace sapiens {
namespace {

Index count_values(std::span<const ParamSpec> params) {
  Index values = 0;
  for (const ParamSpec& param : params) {
    if (std::ranges::find(param.shape, kAny) == param.shape.end())
      values = saturating_add(values, checked_numel(param.shape).value_or(0));
  }
  return values;
}

}  // namespace

Index fewest_kv_heads(const EncoderConfig& encoder) {
  const auto fewest = std::ranges::min_element(encoder.kv_heads);
  return fewest == encoder.kv_heads.end() ? encoder.heads : *fewest;
}

FileInfo file_info(const StateDict& dict) {
  FileInfo file{.path = dict.path,
                .format = std::string(format_name(dict.format)),
                .bytes = dict.file_bytes,
                .tensors = static_cast<Index>(dict.tensors.size()),
                .values = 0,
                .dtypes = {}};
  std::vector<std::string_view> dtypes;
  for (const TensorEntry& tensor : dict.tensors) {
    if (!tensor.unreadable) file.values = saturating_add(file.values, tensor.numel());
    const std::string_view dtype = tensor.type_name();
    if (std::ranges::find(dtypes, dtype) == dtypes.end()) dtypes.push_back(dtype);
  }
  for (const std::string_view dtype : dtypes) {
    if (!file.dtypes.empty()) file.dtypes += " and ";
    file.dtypes += dtype;
  }
  return file;
}

ModelInfo model_info(const DetectedModel& model, std::span<const ParamSpec> params) {
  const EncoderConfig& encoder = model.encoder;
  const bool own_head = model.head && model.head->task == model.task;
  return {.family = std::string(family_name(encoder.family)),
          .arch = std::string(model.arch != nullptr ? model.arch->name : "custom"),
          .task = model.task,
          .width = encoder.width,
          .depth = encoder.depth,
          .heads = encoder.heads,
          .kv_heads = fewest_kv_heads(encoder),
          .mlp_width = encoder.mlp_width,
          .cls_token = encoder.cls_token,
          .registers = encoder.registers,
          .grid = encoder.grid,
          .patch_padding = encoder.patch_padding,
          .outputs = own_head && model.head->outputs > 0 ? model.head->outputs : 0,
          .parameters = count_values(params)};
}

OutputShapes output_shapes(const EncoderConfig& encoder, Grid grid) {
  if (grid.patches() == 0) return {};
  OutputShapes shapes{.featmap = {encoder.width, grid.height, grid.width},
                      .raw = {encoder.extra_tokens() + grid.patches(), encoder.width},
                      .cls_token = {},
                      .registers = {},
                      .avg_featmap = {encoder.width}};
  if (encoder.cls_token) shapes.cls_token = {encoder.width};
  if (encoder.registers > 0) shapes.registers = {encoder.registers, encoder.width};
  return shapes;
}

std::string shown_arch(std::string_view arch) {
  std::string text(arch);
  if (!std::isdigit(static_cast<unsigned char>(arch.empty() ? 'x' : arch[0]))) return text;
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string describe_model(const ModelInfo& model) {
  if (model.family == "rtmdet") {
    return model.arch == "custom" ? "RTMDet person detector of an unpublished size"
                                  : "RTMDet-m person detector";
  }
  if (model.family == "sapiens2") return fmt::format("Sapiens2 {} encoder", shown_arch(model.arch));
  if (model.task == Task::Pretrain)
    return fmt::format("Sapiens {} encoder, pretrained", shown_arch(model.arch));
  if (model.task == Task::Backbone)
    return fmt::format("Sapiens {} encoder, task geometry", shown_arch(model.arch));
  std::string text = fmt::format("Sapiens {} {} model", shown_arch(model.arch), task_text(model));
  const std::string_view outputs = model.task ? task_row(*model.task).outputs : "";
  if (model.outputs > 0 && !outputs.empty()) {
    fmt::format_to(std::back_inserter(text), ", {} {}", model.outputs, outputs);
  }
  return text;
}

}  // namespace sapiens
