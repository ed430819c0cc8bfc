#pragma once

#include "model/rtmdet_config.hpp"
#include "onnx/graph.hpp"
#include "sapiens/detector.hpp"

namespace sapiens::onnx {

/// Adds the person detector to the graph, from its input "images" to its outputs: "boxes" [M, 4],
/// "scores" [M] and "batch_indices" [M] of the persons in all images, or with `raw_maps`
/// "logits_8" [N, 1, h, w], "distances_8" [N, 4, h, w] and so on for every stride. `thresholds` are
/// those of `options`, or the defaults.
void add_detector(Graph& graph, const RtmDetConfig& config, const OnnxOptions& options,
                  const DetectOptions& thresholds);

}  // namespace sapiens::onnx
