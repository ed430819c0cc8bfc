#pragma once

#include "model/config.hpp"
#include "onnx/encoder.hpp"
#include "onnx/graph.hpp"

namespace sapiens::onnx {

/// Adds the input "images" and what makes of it the images that the encoder sees: float32
/// [N, 3, H, W] that are only converted to the compute type, or uint8 [N, h, w, 3] of any size that
/// are resized and normalised as the engine does for features (`for_features`) or for tasks.
Images add_images(Graph& graph, const EncoderConfig& encoder, const OnnxOptions& options,
                  bool for_features);

}  // namespace sapiens::onnx
