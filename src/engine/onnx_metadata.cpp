#include "engine/onnx_metadata.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "engine/model_file.hpp"
#include "engine/output_labels.hpp"
#include "sapiens/version.hpp"

namespace sapiens {
namespace {

using Metadata = std::map<std::string, std::string>;

// No checkpoint holds its licence.
constexpr const char* kLicence =
    "that of the checkpoint, which a conversion does not change: read it where the checkpoint came "
    "from (docs/licences.md of sapiens.cpp)";

std::string list_of(const std::vector<std::string>& texts) {
  using Json = nlohmann::json;
  return Json(texts).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Metadata onnx_metadata(const StateDict& dict, Use use, const Normalization& normalization,
                       std::optional<Grid> size, const std::vector<std::string>& labels) {
  Metadata metadata{
      {"task", std::string(use_name(use))},
      {"mean", fmt::format("[{}]", fmt::join(normalization.mean, ", "))},
      {"std", fmt::format("[{}]", fmt::join(normalization.std, ", "))},
      {"channel_order", normalization.blue_first ? "bgr" : "rgb"},
      {"sapiens.writer", fmt::format("sapiens.cpp {}", SAPIENS_VERSION)},
  };
  if (size) metadata["input_size"] = fmt::format("{}x{}", size->height, size->width);
  if (!labels.empty()) metadata["labels"] = list_of(labels);
  for (const auto& [key, value] : dict.metadata) {
    if (key.ends_with("sapiens.random_weights")) metadata["sapiens.random_weights"] = value;
  }
  if (!metadata.contains("sapiens.random_weights")) metadata["licence"] = kLicence;
  return metadata;
}

Metadata onnx_metadata(const StateDict& dict, const DetectedModel& model, Use use,
                       const OnnxOptions& options) {
  std::vector<std::string> labels;
  if (use != Use::Features) {
    labels = OutputLabels(dict, model.head->task, model.head->outputs).names();
  }
  std::optional<Grid> size;
  if (!options.dynamic_size) {
    size = Grid{model.encoder.grid.height * kPatch, model.encoder.grid.width * kPatch};
  }
  Metadata metadata =
      onnx_metadata(dict, use, normalization_of(PreprocessMode::Full), size, labels);
  metadata.merge(model_metadata(model.encoder, model.arch, model.task));
  if (use != Use::Features) add_head_metadata(*model.head, model.encoder.width, metadata);
  return metadata;
}

}  // namespace sapiens
