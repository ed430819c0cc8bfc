#include "engine/onnx_metadata.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "engine/model_file.hpp"
#include "engine/output_labels.hpp"
#include "onnx/encoder.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/printable.hpp"
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

Metadata onnx_metadata(const StateDict& dict, const GraphFacts& facts) {
  Metadata metadata{
      {"task", std::string(use_name(facts.use))},
      {"channel_order", facts.blue_first && !facts.with_preprocessing ? "bgr" : "rgb"},
      {"sapiens.writer", fmt::format("sapiens.cpp {}", SAPIENS_VERSION)},
  };
  // Not where they would be applied twice.
  if (!facts.with_preprocessing) {
    metadata["mean"] = fmt::format("[{}]", fmt::join(facts.mean, ", "));
    metadata["std"] = fmt::format("[{}]", fmt::join(facts.std, ", "));
  }
  if (const auto& size = facts.size) {
    metadata["input_size"] = fmt::format("{}x{}", size->height, size->width);
  }
  if (!facts.labels.empty()) metadata["labels"] = list_of(facts.labels);
  for (const auto& [key, value] : dict.metadata) {
    if (!key.ends_with("sapiens.random_weights")) continue;
    metadata["sapiens.random_weights"] = printable(value);  // texts of protobuf are UTF-8
  }
  if (!metadata.contains("sapiens.random_weights")) metadata["licence"] = kLicence;
  return metadata;
}

Metadata onnx_metadata(const StateDict& dict, const DetectedModel& model, Use use,
                       const OnnxOptions& options) {
  // The constants of Sapiens2 are the same but for rounding.
  const LevelNorm& norm = level_norm(PreprocessMode::Full);
  GraphFacts facts{.use = use,
                   .with_preprocessing = options.with_preprocessing,
                   .mean = norm.mean,
                   .std = norm.std};
  const onnx::Images images = onnx::images_of(model.encoder, options, use == Use::Features);
  if (images.has_fixed_size()) facts.size = images.size();
  if (use != Use::Features) {
    facts.labels = OutputLabels(dict, model.head->task, model.head->outputs).names();
  }
  Metadata metadata = onnx_metadata(dict, facts);
  metadata.merge(model_metadata(model.encoder, model.arch, model.task));
  if (use != Use::Features) add_head_metadata(*model.head, model.encoder.width, metadata);
  return metadata;
}

}  // namespace sapiens
