#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "model/detect.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/onnx.hpp"
#include "sapiens/task.hpp"

namespace sapiens {

/// What every graph says about itself, by key: docs/onnx.md lists them. `size` is absent where the
/// graph takes any, `labels` are those of the outputs, if they are known.
std::map<std::string, std::string> onnx_metadata(const StateDict& dict, Use use,
                                                 const Normalization& normalization,
                                                 std::optional<Grid> size,
                                                 const std::vector<std::string>& labels = {});

/// The same with what is known of an encoder, or of an encoder and a head.
std::map<std::string, std::string> onnx_metadata(const StateDict& dict, const DetectedModel& model,
                                                 Use use, const OnnxOptions& options);

}  // namespace sapiens
