#include "model/block.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "model/param_loader.hpp"
#include "model/smoothing.hpp"

namespace sapiens {
namespace {

std::vector<float> sizes_behind(const LayerNormWeights& norm) {
  return sizes_behind_norm(norm.gamma.span(), norm.beta.span());
}

void divide_norm(LayerNormWeights& norm, std::span<const float> factors) {
  divide(norm.gamma.span(), factors);
  divide(norm.beta.span(), factors);
}

}  // namespace

std::size_t bytes_of(const LayerNormWeights& norm) noexcept {
  return (norm.gamma.span().size() + norm.beta.span().size()) * sizeof(float);
}

std::size_t BlockWeights::bytes() const noexcept {
  return bytes_of(ln1) + qkv.bytes() + proj.bytes() + bytes_of(ln2) + fc1.bytes() + fc2.bytes();
}

LayerNormWeights load_layer_norm(ParamLoader& params, const std::string& module, Index width) {
  LayerNormWeights norm;
  norm.gamma = params.vector(module + ".weight", width);
  norm.beta = params.vector(module + ".bias", width);
  return norm;
}

BlockWeights load_block(ParamLoader& params, const std::string& module, const BlockSize& size) {
  const Index C = size.width;
  const Index M = size.mlp_width;
  BlockWeights block;
  const ParamLoader::Part qkv{module + ".attn.qkv", 3 * C}, fc1{module + ".ffn.layers.0.0", M},
      fc2{module + ".ffn.layers.1", C};
  block.ln1 = load_layer_norm(params, module + ".ln1", C);
  const SmoothedLayers attention =
      smooth_attention(params, sizes_behind(block.ln1), {&qkv, 1}, attention_shape(C, size.heads),
                       module + ".attn.proj");
  divide_norm(block.ln1, attention.first.columns);
  block.qkv = params.linear("qkv", qkv.module, 3 * C, C, attention.first);
  block.proj = params.linear("proj", module + ".attn.proj", C, C, attention.second);

  block.ln2 = load_layer_norm(params, module + ".ln2", C);
  const SmoothedLayers mlp = smooth_mlp(params, sizes_behind(block.ln2), fc1, fc2);
  divide_norm(block.ln2, mlp.first.columns);
  block.fc1 = params.linear("fc1", fc1.module, M, C, mlp.first);
  block.fc2 = params.linear("fc2", fc2.module, C, M, mlp.second);
  return block;
}

void run_block(const Ops& ops, const BlockWeights& w, Index heads, TensorView<float, 3> tokens,
               Workspace& ws) {
  const auto [B, T, C] = tokens.extents();
  const Index M = w.fc1.out;
  const Index R = B * T;  // rows of all images together
  const AttentionShape shape = attention_shape(C, heads);
  const Workspace::Scope scope(ws);
  const Matrix x(tokens.data(), {R, C});
  const Activations h = take_activations(ws, ops.activation_type(), R, C);
  // q, k and v are gone before the MLP needs the same memory.
  const Activations buffer = take_activations(ws, ops.activation_type(), R, std::max(M, 3 * C));
  const Activations qkv = buffer.first_columns(3 * C);
  const Activations hidden = buffer.first_columns(M);

  ops.layer_norm(x, w.ln1, h, ws);  // h    = LN1(x)                     [R, C]
  ops.linear(h, w.qkv, qkv, ws);    // qkv  = h W_qkv^T + b              [R, 3C]
  for (Index b = 0; b < B; ++b) {   // h    = softmax(q k^T / sqrt d) v  [T, C], image by image
    ops.attention(qkv.rows_from(b * T, T), shape, h.rows_from(b * T, T), ws);
  }
  ops.linear_add(h, w.proj, x, ws);  // x   += h W_o^T + b              [R, C]

  ops.layer_norm(x, w.ln2, h, ws);        // h      = LN2(x)             [R, C]
  ops.linear_gelu(h, w.fc1, hidden, ws);  // hidden = gelu(h W_1^T + b)  [R, M]
  ops.linear_add(hidden, w.fc2, x, ws);   // x     += hidden W_2^T + b   [R, C]
}

}  // namespace sapiens
