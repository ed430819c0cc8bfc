#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "model/detect.hpp"
#include "sapiens/onnx.hpp"
#include "sapiens/task.hpp"

namespace sapiens {

/// What a graph is for, and what its input is made with.
struct GraphFacts {
  Use use = Use::Features;
  bool with_preprocessing = false;  ///< Then the graph takes levels, red first.
  std::array<float, 3> mean, std;   ///< Of levels of 0 to 255, in the order of the channels.
  bool blue_first = false;
  std::optional<Grid> size = {};         ///< Of the network's input; absent if it takes any.
  std::vector<std::string> labels = {};  ///< Of the outputs, if they are known.
};

/// What every graph says about itself, by key: docs/onnx.md lists them.
std::map<std::string, std::string> onnx_metadata(const StateDict& dict, const GraphFacts& facts);

/// The same with what is known of an encoder, or of an encoder and a head.
std::map<std::string, std::string> onnx_metadata(const StateDict& dict, const DetectedModel& model,
                                                 Use use, const OnnxOptions& options);

}  // namespace sapiens
