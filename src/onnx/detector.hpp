#pragma once

#include "model/rtmdet_config.hpp"
#include "onnx/graph.hpp"

namespace sapiens::onnx {

/// Adds the person detector to the graph, from its input "images" to its outputs.
void add_detector(Graph& graph, const RtmDetConfig& config, const OnnxOptions& options);

}  // namespace sapiens::onnx
