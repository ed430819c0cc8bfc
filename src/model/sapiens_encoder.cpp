#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "model/block.hpp"
#include "model/encoder_layers.hpp"
#include "reconcile/positions.hpp"

namespace sapiens {
namespace {

// The plain ViT of Sapiens. Weights are named after the checkpoint keys, so that a key can be found
// by reading. B = images, T = tokens of one image, E = extra tokens before its N patches, C =
// width.
class SapiensEncoder final : public EncoderLayers {
 public:
  SapiensEncoder(const EncoderConfig& config, ParamLoader& params) : config_(config) {
    const Index C = config.width;
    if (config.cls_token) cls_token_ = params.vector("backbone.cls_token", C);
    pos_embed_ = params.vector("backbone.pos_embed", config.tokens() * C);
    patch_embed_ = params.linear("embed", "backbone.patch_embed.projection", C, kPatchPixels);
    for (Index i = 0; i < config.depth; ++i) {
      blocks_.push_back(load_block(params, fmt::format("backbone.layers.{}", i), config.block()));
    }
    final_norm_ = load_layer_norm(params, "backbone.ln1", C);
  }

  // `pos_embed` [T, C], resized for another grid than that of the model.
  ConstMatrix positions(Grid grid, std::vector<float>& storage) const override {
    const Index C = config_.width;
    const Index E = config_.extra_tokens();
    if (grid == config_.grid) return {pos_embed_.data(), {config_.tokens(), C}};
    storage.resize(static_cast<std::size_t>((E + grid.patches()) * C));
    std::copy_n(pos_embed_.data(), E * C, storage.data());
    resize_positions({pos_embed_.data() + E * C, {config_.grid.patches(), C}}, config_.grid,
                     {storage.data() + E * C, {grid.patches(), C}}, grid);
    return {storage.data(), {E + grid.patches(), C}};
  }

  // x = [cls, patches W_E^T + b_E] + E_pos  [B, T, C]
  void embed(const Ops& ops, std::span<const TensorView<const float, 3>> images,
             ConstMatrix positions, TensorView<float, 3> x, Workspace& ws) const override {
    const Index H = images.front().extent(1), W = images.front().extent(2);
    const Grid grid = patch_grid({H, W}, config_.patch_padding);
    const Index N = grid.patches();
    const Index E = config_.extra_tokens();
    const Index C = config_.width;
    expect_shape("encoder: positions", positions, {E + N, C});

    const Workspace::Scope scope(ws);
    const Matrix patches = ws.matrix(N, kPatchPixels);
    for (Index b = 0; b < std::ssize(images); ++b) {
      const TensorView<const float, 3>& image = images[static_cast<std::size_t>(b)];
      const Matrix tokens = x[b];
      expect_shape("encoder: image", image, {3, H, W});
      ops.gather_patches(image, grid, kPatch, config_.patch_padding, patches, ws);  // [N, 768]
      ops.copy_rows(positions, tokens, ws);  // x        = E_pos  [T, C]
      if (config_.cls_token) {               // x[0]    += cls    [C]
        ops.add_rows({cls_token_.data(), {1, C}}, tokens.slice(0, 0, 1), ws);
      }
      // x[E, T) += patches W_E^T + b_E  [N, C]
      ops.linear_add(patches, patch_embed_, tokens.slice(0, E, N), ws);
    }
  }

  // x += Attention(LN1(x)), then x += MLP(LN2(x))
  void run_block(const Ops& ops, Index i, ConstMatrix, TensorView<float, 3> x,
                 Workspace& ws) const override {
    sapiens::run_block(ops, blocks_[static_cast<std::size_t>(i)], config_.heads, x, ws);
  }

  // y = LN(x)
  void final_norm(const Ops& ops, ConstMatrix x, Matrix y, Workspace& ws) const override {
    ops.layer_norm(x, final_norm_, y, ws);
  }

  void read_average(const Ops& ops, ConstMatrix patches, std::span<float> average) const override {
    ops.read_average(patches, average);
  }

  std::size_t bytes() const noexcept override {
    std::size_t total = (cls_token_.span().size() + pos_embed_.span().size()) * sizeof(float);
    total += patch_embed_.bytes() + bytes_of(final_norm_);
    for (const BlockWeights& block : blocks_) total += block.bytes();
    return total;
  }

 private:
  EncoderConfig config_;
  AlignedBuffer<float> cls_token_;    // cls_token               [C], empty without one
  AlignedBuffer<float> pos_embed_;    // pos_embed               [T, C]
  LinearWeights patch_embed_;         // patch_embed.projection  [C, 3*16*16]
  std::vector<BlockWeights> blocks_;  // layers.{i}
  LayerNormWeights final_norm_;       // ln1, the top-level one
};

}  // namespace

std::unique_ptr<EncoderLayers> load_sapiens(const EncoderConfig& config, ParamLoader& params) {
  return std::make_unique<SapiensEncoder>(config, params);
}

}  // namespace sapiens
