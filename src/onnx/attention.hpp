#pragma once

#include <string>

#include "nn/attention_shape.hpp"
#include "onnx/graph.hpp"

namespace sapiens::onnx {

/// softmax(q k^T / sqrt(d)) v of every head, [N, T, H d]. `q` is [N, T, H d], `k` and `v` are
/// [N, T, K d], and head h of H uses head h K / H of K.
Value attention(Graph& graph, const std::string& module, const AttentionShape& shape,
                const Value& q, const Value& k, const Value& v);

}  // namespace sapiens::onnx
