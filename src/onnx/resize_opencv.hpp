#pragma once

#include <string>

#include "onnx/graph.hpp"

namespace sapiens::onnx {

/// U8 `images` [N, h, w, C] as F32 [N, h', w', C] of whole levels, which are those of
/// `resize_bilinear_opencv`, byte for byte. `size` and `target` are I64 [2]: h and w, h' and w'.
Value resize_opencv(Graph& graph, const std::string& module, const Value& images, const Value& size,
                    const Value& target);

}  // namespace sapiens::onnx
