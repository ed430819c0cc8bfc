#pragma once

#include <span>
#include <string>

#include "checkpoint/state_dict.hpp"
#include "model/detect.hpp"
#include "reconcile/param_spec.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

FileInfo file_info(const StateDict& dict);

/// `params` are those whose values are counted.
ModelInfo model_info(const DetectedModel& model, std::span<const ParamSpec> params);

/// The number of heads of keys and values in the block that has the fewest.
Index fewest_kv_heads(const EncoderConfig& encoder);

/// Shapes of the features of an input with `grid` patches; empty for an unknown grid.
OutputShapes output_shapes(const EncoderConfig& encoder, Grid grid);

/// "Sapiens 0.3B encoder, pretrained", "Sapiens 1B pose model, 308 keypoints", "Sapiens2 0.4B
/// encoder".
std::string describe_model(const ModelInfo& model);

/// The display name of a size: "0.3B" for published sizes, "custom" and "tiny" unchanged.
std::string shown_arch(std::string_view arch);

}  // namespace sapiens
