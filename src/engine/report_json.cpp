#include <nlohmann/json.hpp>

#include "sapiens/printable.hpp"
#include "sapiens/report.hpp"

namespace sapiens {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kExamples = 5;

Json number_or_null(Index value) { return value > 0 ? Json(value) : Json(nullptr); }
Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }
Json shape_or_null(const std::vector<Index>& shape) {
  return shape.empty() ? Json(nullptr) : Json(shape);
}

Json file_json(const FileInfo& file) {
  return {{"path", file.path},       {"format", file.format}, {"bytes", file.bytes},
          {"tensors", file.tensors}, {"values", file.values}, {"dtypes", file.dtypes}};
}

Json model_json(const ModelInfo& model) {
  return {{"family", model.family},
          {"arch", text_or_null(model.arch)},
          {"task", text_or_null(model.task)},
          {"width", number_or_null(model.width)},
          {"depth", number_or_null(model.depth)},
          {"heads", number_or_null(model.heads)},
          {"mlp_width", number_or_null(model.mlp_width)},
          {"cls_token", model.cls_token},
          {"grid",
           model.grid.patches() > 0 ? Json({model.grid.height, model.grid.width}) : Json(nullptr)},
          {"patch_padding", model.patch_padding},
          {"outputs", number_or_null(model.outputs)},
          {"parameters", model.parameters}};
}

Json report_json(const Report& report) {
  Json missing = Json::array();
  for (const MissingParameter& parameter : report.missing) {
    missing.push_back({{"key", parameter.key}, {"shape", parameter.shape}});
  }
  Json mismatched = Json::array();
  for (const MismatchedParameter& parameter : report.mismatched) {
    mismatched.push_back({{"key", parameter.key},
                          {"expected", parameter.expected},
                          {"found", parameter.found},
                          {"reason", text_or_null(parameter.reason)},
                          {"type", text_or_null(parameter.type)}});
  }
  Json unused = Json::array();
  for (const UnusedTensors& group : report.unused) {
    const auto examples = std::min(group.keys.size(), kExamples);
    unused.push_back(
        {{"reason", group.reason},
         {"count", group.keys.size()},
         {"examples",
          std::vector(group.keys.begin(), group.keys.begin() + static_cast<Index>(examples))}});
  }
  Json rules = Json::array();
  for (const AppliedRule& rule : report.rules) {
    rules.push_back({{"rule", rule.rule}, {"count", rule.count}, {"reason", rule.reason}});
  }
  Json altered = Json::array();
  for (const AlteredParameter& parameter : report.altered) {
    altered.push_back({{"key", parameter.key}, {"by", parameter.by}, {"reason", parameter.reason}});
  }
  Json candidates = Json::array();
  for (const FoundModel& model : report.candidates) {
    candidates.push_back({{"prefix", model.prefix},
                          {"family", model.family},
                          {"verdict", verdict_name(model.verdict)},
                          {"required", model.required},
                          {"bound", model.bound},
                          {"width", number_or_null(model.width)},
                          {"depth", number_or_null(model.depth)},
                          {"taken", model.taken},
                          {"reason", text_or_null(model.reason)}});
  }
  return {{"verdict", verdict_name(report.verdict)},
          {"required", report.required},
          {"bound", report.bound},
          {"missing", missing},
          {"mismatched", mismatched},
          {"unused", unused},
          {"rules", rules},
          {"explanation", text_or_null(report.explanation)},
          {"hint", text_or_null(report.hint)},
          {"notes", report.notes},
          {"altered", altered},
          {"candidates", candidates}};
}

}  // namespace

std::string Inspection::json() const {
  Json use_list = Json::array();
  for (const UseVerdict& use : uses) {
    use_list.push_back({{"use", use.use},
                        {"verdict", verdict_name(use.verdict)},
                        {"required", use.required},
                        {"bound", use.bound},
                        {"reason", use.reason}});
  }
  const Json document{{"file", file_json(file)},
                      {"model", model_json(model)},
                      {"report", report_json(report)},
                      {"uses", use_list},
                      {"outputs",
                       {{"featmap", shape_or_null(outputs.featmap)},
                        {"raw", shape_or_null(outputs.raw)},
                        {"cls_token", shape_or_null(outputs.cls_token)},
                        {"avg_featmap", shape_or_null(outputs.avg_featmap)}}}};
  // Keys of hostile files may hold any bytes; they become U+FFFD where they are not UTF-8.
  return printable_json(document.dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace sapiens
