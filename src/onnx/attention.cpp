#include "onnx/attention.hpp"

#include <cmath>

namespace sapiens::onnx {
namespace {

// [N, T, heads d] as [N, heads, T, d], or as [N, heads, d, T].
Value heads_of(Graph& graph, const std::string& module, const Value& x, Index heads, Index head_dim,
               bool columns) {
  const Value split = graph.node("Reshape", module, {x, graph.ints({0, 0, heads, head_dim})});
  const std::vector<Index> order =
      columns ? std::vector<Index>{0, 2, 3, 1} : std::vector<Index>{0, 2, 1, 3};
  return graph.node("Transpose", module, {split}, {{"perm", order}});
}

Value plain_attention(Graph& graph, const std::string& module, const AttentionShape& shape,
                      const Value& q, const Value& k, const Value& v) {
  const auto d = shape.head_dim;
  const float scale = 1 / std::sqrt(static_cast<float>(d));
  Value queries = heads_of(graph, module + "/q", q, shape.heads, d, false);
  Value keys = heads_of(graph, module + "/k", k, shape.kv_heads, d, true);
  Value values = heads_of(graph, module + "/v", v, shape.kv_heads, d, false);
  const bool grouped = shape.kv_heads != shape.heads;
  if (grouped) {
    // [N, K, H / K, T, d] and [N, K, 1, ...]: products repeat keys and values for their queries.
    const Index each = shape.heads / shape.kv_heads;
    const Value shape5 = graph.ints({0, shape.kv_heads, each, -1, d});
    queries = graph.node("Reshape", module + "/q", {queries, shape5});
    keys = graph.node("Unsqueeze", module + "/k", {keys, graph.ints({2})});
    values = graph.node("Unsqueeze", module + "/v", {values, graph.ints({2})});
  }
  const Value scaled = graph.node("Mul", module + "/scale", {queries, graph.number(scale)});
  const Value scores = graph.node("MatMul", module + "/scores", {scaled, keys});
  const Value shares = graph.node("Softmax", module, {scores}, {{"axis", Index{-1}}});
  Value mixed = graph.node("MatMul", module + "/values", {shares, values});
  if (grouped) {
    mixed = graph.node("Reshape", module + "/values", {mixed, graph.ints({0, shape.heads, -1, d})});
  }
  const Value rows = graph.node("Transpose", module + "/values", {mixed},
                                {{"perm", std::vector<Index>{0, 2, 1, 3}}});
  return graph.node("Reshape", module, {rows, graph.ints({0, 0, shape.heads * d})});
}

// Every head of keys or values as often as queries use it: the operator of com.microsoft has one
// number of heads.
Value repeat_heads(Graph& graph, const std::string& module, const AttentionShape& shape,
                   const Value& x) {
  const Index each = shape.heads / shape.kv_heads;
  const Value split =
      graph.node("Reshape", module, {x, graph.ints({0, 0, shape.kv_heads, 1, shape.head_dim})});
  const Value repeated = graph.node("Expand", module, {split, graph.ints({1, 1, 1, each, 1})});
  return graph.node("Reshape", module,
                    {repeated, graph.ints({0, 0, shape.heads * shape.head_dim})});
}

Value fused_attention(Graph& graph, const std::string& module, const AttentionShape& shape,
                      const Value& q, Value k, Value v) {
  constexpr int kFirstWithAttention = 23;
  if (graph.opset() >= kFirstWithAttention) {
    return graph.node("Attention", module, {q, k, v},
                      {{"q_num_heads", shape.heads}, {"kv_num_heads", shape.kv_heads}});
  }
  if (shape.kv_heads != shape.heads) {
    k = repeat_heads(graph, module + "/k", shape, k);
    v = repeat_heads(graph, module + "/v", shape, v);
  }
  return graph.node("MultiHeadAttention", module, {q, k, v}, {{"num_heads", shape.heads}},
                    "com.microsoft");
}

}  // namespace

Value attention(Graph& graph, const std::string& module, const AttentionShape& shape,
                const Value& q, const Value& k, const Value& v) {
  return graph.attention() == OnnxAttention::Fused ? fused_attention(graph, module, shape, q, k, v)
                                                   : plain_attention(graph, module, shape, q, k, v);
}

}  // namespace sapiens::onnx
