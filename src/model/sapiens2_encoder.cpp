#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "model/encoder_layers.hpp"
#include "model/rotations.hpp"
#include "model/smoothing.hpp"

namespace sapiens {
namespace {

// The facts about this family that no tensor shows, and the formulas of all operators, are those of
// timm's implementation (models/eva.py, Apache-2.0).

// Weights are named after the checkpoint keys, blocks.{i}.*. D = width, M = hidden width, H = query
// heads of d dimensions, K = heads of keys and values.
struct Sapiens2Block {
  Sapiens2Block(const EncoderConfig& config, Index i, ParamLoader& params) {
    const Index D = config.width, M = config.mlp_width;
    shape = {.heads = config.heads,
             .kv_heads = config.kv_heads[static_cast<std::size_t>(i)],
             .head_dim = D / config.heads};
    const std::string block = fmt::format("backbone.blocks.{}", i);
    const std::array<ParamLoader::Part, 3> qkv_parts{{{block + ".attn.wq", D},
                                                      {block + ".attn.wk", shape.kv_width()},
                                                      {block + ".attn.wv", shape.kv_width()}}};
    const ParamLoader::Part w12_part{block + ".ffn.w12", 2 * M}, w3_part{block + ".ffn.w3", D};
    ln1 = params.vector(block + ".ln1.weight", D);
    const SmoothedLayers attention = smooth_attention(params, sizes_behind_norm(ln1.span(), {}),
                                                      qkv_parts, shape, block + ".attn.proj");
    divide(ln1.span(), attention.first.columns);
    qkv = params.joined("qkv", qkv_parts, D, attention.first);
    q_norm = params.vector(block + ".attn.q_norm.weight", shape.head_dim);
    k_norm = params.vector(block + ".attn.k_norm.weight", shape.head_dim);
    proj = params.linear("proj", block + ".attn.proj", D, D, attention.second);
    gamma = params.vector(block + ".attn.gamma.weight", D);
    ln2 = params.vector(block + ".ln2.weight", D);
    const SmoothedLayers mlp =
        smooth_gated_mlp(params, sizes_behind_norm(ln2.span(), {}), w12_part, w3_part);
    divide(ln2.span(), mlp.first.columns);
    w12 = params.gated("w12", w12_part.module, M, D, mlp.first);
    w3 = params.linear("w3", w3_part.module, D, M, mlp.second);
  }

  std::size_t bytes() const noexcept {
    std::size_t total = qkv.bytes() + proj.bytes() + w12.bytes() + w3.bytes();
    for (const AlignedBuffer<float>* vector : {&ln1, &q_norm, &k_norm, &gamma, &ln2}) {
      total += vector->span().size() * sizeof(float);
    }
    return total;
  }

  AttentionShape shape;
  AlignedBuffer<float> ln1;     // ln1          [D]
  LinearWeights qkv;            // attn.wq | attn.wk | attn.wv  [(H + 2K) d, D]
  AlignedBuffer<float> q_norm;  // attn.q_norm  [d], of all heads
  AlignedBuffer<float> k_norm;  // attn.k_norm  [d]
  LinearWeights proj;           // attn.proj    [D, D]
  AlignedBuffer<float> gamma;   // attn.gamma   [D], layer scale
  AlignedBuffer<float> ln2;     // ln2          [D]
  LinearWeights w12;            // ffn.w12      [2M, D], gates and values
  LinearWeights w3;             // ffn.w3       [D, M]
};

// B = images, T = tokens of one image: E extra ones, which are the class token and the registers,
// then the N patches. C = width.
class Sapiens2Encoder final : public EncoderLayers {
 public:
  Sapiens2Encoder(const EncoderConfig& config, ParamLoader& params) : config_(config) {
    const Index C = config.width;
    cls_token_ = params.vector("backbone.cls_token", C);
    storage_tokens_ = params.vector("backbone.storage_tokens", config.registers * C);
    patch_embed_ = params.linear("embed", "backbone.patch_embed.projection", C, kPatchPixels);
    for (Index i = 0; i < config.depth; ++i) blocks_.emplace_back(config, i, params);
    final_norm_ = params.vector("backbone.ln1.weight", C);
  }

  ConstMatrix positions(Grid grid, std::vector<float>& storage) const override {
    return rotations_of(config_, grid, storage);
  }

  // x = [cls, registers, patches W_E^T + b_E]  [B, T, C]
  void embed(const Ops& ops, std::span<const TensorView<const float, 3>> images, ConstMatrix,
             TensorView<float, 3> x, Workspace& ws) const override {
    const Index H = images.front().extent(1), W = images.front().extent(2);
    const Grid grid = patch_grid({H, W}, 0);
    const Index N = grid.patches(), E = config_.extra_tokens(), C = config_.width;
    expect_shape("encoder: tokens", x, {std::ssize(images), E + N, C});

    const Workspace::Scope scope(ws);
    const Matrix patches = ws.matrix(N, kPatchPixels);
    for (Index b = 0; b < std::ssize(images); ++b) {
      const TensorView<const float, 3>& image = images[static_cast<std::size_t>(b)];
      const Matrix tokens = x[b];
      expect_shape("encoder: image", image, {3, H, W});
      ops.gather_patches(image, grid, kPatch, 0, patches, ws);  // [N, 768]
      ops.copy_rows({cls_token_.data(), {1, C}}, tokens.slice(0, 0, 1), ws);
      ops.copy_rows({storage_tokens_.data(), {E - 1, C}}, tokens.slice(0, 1, E - 1), ws);
      ops.linear(patches, patch_embed_, tokens.slice(0, E, N), ws);
    }
  }

  // x += gamma (Attention(RMS(x)) W_o^T + b);  x += MLP(RMS(x))
  void run_block(const Ops& ops, Index i, ConstMatrix rotations, TensorView<float, 3> tokens,
                 Workspace& ws) const override {
    const Sapiens2Block& w = blocks_[static_cast<std::size_t>(i)];
    const auto [B, T, C] = tokens.extents();
    const Index M = config_.mlp_width;
    const Index R = B * T;  // rows of all images together
    const RotaryNorm rotary{w.q_norm.span(), w.k_norm.span(), rotations};
    expect_shape("encoder: rotations", rotations, {T, w.shape.head_dim});
    const Workspace::Scope scope(ws);
    const Matrix x(tokens.data(), {R, C});
    const Activations h = take_activations(ws, ops.activation_type(), R, C);
    // q, k and v are gone before the MLP needs the same memory.
    const Activations buffer =
        take_activations(ws, ops.activation_type(), R, std::max(M, w.shape.columns()));
    const Activations qkv = buffer.first_columns(w.shape.columns());
    const Activations hidden = buffer.first_columns(M);

    ops.rms_norm(x, w.ln1.span(), h, ws);                // h    = RMS(x)                     [R, C]
    ops.linear_qkv(h, w.qkv, w.shape, rotary, qkv, ws);  // qkv  = h W_qkv^T + b, q and k
                                                         //        normalised and rotated
    for (Index b = 0; b < B; ++b) {                      // h    = softmax(q k^T / sqrt d) v  [T, C]
      ops.attention(qkv.rows_from(b * T, T), w.shape, h.rows_from(b * T, T), ws);
    }
    ops.linear_add_scaled(h, w.proj, w.gamma.span(), x, ws);  // x += gamma (h W_o^T + b)  [R, C]

    ops.rms_norm(x, w.ln2.span(), h, ws);     // h      = RMS(x)                      [R, C]
    ops.linear_swiglu(h, w.w12, hidden, ws);  // hidden = silu(h W_1^T + b_1) *
                                              //          (h W_2^T + b_2)             [R, M]
    ops.linear_add(hidden, w.w3, x, ws);      // x     += hidden W_3^T + b            [R, C]
  }

  // y = RMS(x)
  void final_norm(const Ops& ops, ConstMatrix x, Matrix y, Workspace& ws) const override {
    ops.rms_norm(x, final_norm_.span(), y, ws);
  }

  void read_average(const Ops& ops, ConstMatrix patches, std::span<float> average) const override {
    ops.read_mean(patches, average);
  }

  std::size_t bytes() const noexcept override {
    std::size_t total = patch_embed_.bytes();
    for (const Sapiens2Block& block : blocks_) total += block.bytes();
    for (const AlignedBuffer<float>* vector : {&cls_token_, &storage_tokens_, &final_norm_}) {
      total += vector->span().size() * sizeof(float);
    }
    return total;
  }

 private:
  EncoderConfig config_;
  AlignedBuffer<float> cls_token_;       // cls_token               [C]
  AlignedBuffer<float> storage_tokens_;  // storage_tokens          [registers, C]
  LinearWeights patch_embed_;            // patch_embed.projection  [C, 3*16*16]
  std::vector<Sapiens2Block> blocks_;    // blocks.{i}
  AlignedBuffer<float> final_norm_;      // ln1, the top-level one  [C]
};

}  // namespace

std::unique_ptr<EncoderLayers> load_sapiens2(const EncoderConfig& config, ParamLoader& params) {
  return std::make_unique<Sapiens2Encoder>(config, params);
}

}  // namespace sapiens
