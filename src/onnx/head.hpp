#pragma once

#include "model/config.hpp"
#include "onnx/encoder.hpp"
#include "onnx/graph.hpp"

namespace sapiens::onnx {

/// Adds the head of a task to the graph, and its output: "heatmaps" [N, keypoints, h, w], "logits"
/// [N, classes, h, w], "depth" [N, 1, h, w] or "normals" [N, 3, h, w], as the original's head
/// returns them.
void add_head(Graph& graph, const EncoderConfig& encoder, const HeadConfig& head,
              const Encoded& encoded);

}  // namespace sapiens::onnx
