#pragma once

#include <optional>

#include "model/config.hpp"
#include "onnx/encoder.hpp"
#include "onnx/graph.hpp"

namespace sapiens::onnx {

/// Adds the input "images" and what makes of it the images that the encoder sees: float32
/// [N, 3, H, W] that are only converted to the compute type, or uint8 [N, h, w, 3] of any size that
/// are resized and normalised as the engine does for the head of `task`, or for features. Persons
/// of pose are cut out, by the input "boxes".
Images add_images(Graph& graph, const EncoderConfig& encoder, const OnnxOptions& options,
                  std::optional<Task> task);

}  // namespace sapiens::onnx
