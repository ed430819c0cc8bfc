#include "model/encoder.hpp"

#include <cassert>

namespace sapiens {
namespace {

// The tokens of all images together, [B T, C].
template <class Float>
TensorView<Float, 2> rows_of(TensorView<Float, 3> x) {
  return {x.data(), {x.extent(0) * x.extent(1), x.extent(2)}};
}

}  // namespace

EncoderNetwork::EncoderNetwork(const EncoderConfig& config, const EncoderWeights& weights,
                               const Ops& ops)
    : config_(config), weights_(weights), ops_(ops) {
  assert(static_cast<Index>(weights.blocks.size()) == config.depth);
}

// B = images, T = tokens of one image, C = width.
void EncoderNetwork::forward(std::span<const TensorView<const float, 3>> images,
                             ConstMatrix positions, std::span<const EncoderTap> taps, Workspace& ws,
                             const std::function<void(double)>& progress) const {
  const Index B = std::ssize(images);
  const Index T = positions.extent(0);
  const Index C = config_.width;
  expect_shape("encoder: positions", positions, {kAny, C});
  for (const EncoderTap& tap : taps) expect_shape("encoder: tokens", tap.tokens, {B, T, C});

  const Workspace::Scope scope(ws);
  const TensorView<float, 3> x(ws.matrix(B * T, C).data(), {B, T, C});
  embed(images, positions, x, ws);  // x    = [cls, patches W_E^T + b_E] + E_pos  [B, T, C]
  const Index depth = taps.empty() ? 0 : taps.back().layer + 1;
  for (Index i = 0; i < depth; ++i) {
    run_layer(i, x, ws);  // x   += Attention_i(LN1(x)), then x += MLP_i(LN2(x))  [B, T, C]
    for (const EncoderTap& tap : taps) {
      if (tap.layer == i) take(x, tap, ws);  // tap  = x, or LN(x)  [B, T, C]
    }
    if (progress) progress(static_cast<double>(i + 1) / static_cast<double>(depth));
  }
}

// T = tokens of the whole image, E = extra tokens before the patches, K = kept patches, C = width.
void EncoderNetwork::forward_masked(TensorView<const float, 3> image, ConstMatrix positions,
                                    std::span<const Index> kept, Matrix tokens, Workspace& ws,
                                    const std::function<void(double)>& progress) const {
  const Index T = positions.extent(0);
  const Index E = config_.extra_tokens();
  const Index K = std::ssize(kept);
  const Index C = config_.width;
  expect_shape("encoder: tokens", tokens, {E + K, C});

  const TensorView<float, 3> x(tokens.data(), {1, E + K, C});
  {
    const Workspace::Scope scope(ws);
    const Matrix all = ws.matrix(T, C);
    embed({&image, 1}, positions, {all.data(), {1, T, C}}, ws);
    // x = [cls, kept patches], each with its position  [E + K, C]
    ops_.copy_rows(all.slice(0, 0, E), tokens.slice(0, 0, E), ws);
    ops_.gather_rows(all.slice(0, E, T - E), kept, tokens.slice(0, E, K), ws);
  }
  for (Index i = 0; i < config_.depth; ++i) {
    run_layer(i, x, ws);  // x += Attention_i(LN1(x)), then x += MLP_i(LN2(x))  [E + K, C]
    if (progress) progress(static_cast<double>(i + 1) / static_cast<double>(config_.depth));
  }
  final_norm(x, x, ws);  // x = LN(x)  [E + K, C]
}

// N = patches of one image, E = extra tokens before them, T = E + N, C = width.
void EncoderNetwork::embed(std::span<const TensorView<const float, 3>> images,
                           ConstMatrix positions, TensorView<float, 3> x, Workspace& ws) const {
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
    ops_.gather_patches(image, grid, kPatch, config_.patch_padding, patches, ws);  // [N, 768]
    ops_.copy_rows(positions, tokens, ws);  // x        = E_pos  [T, C]
    if (config_.cls_token) {                // x[0]    += cls    [C]
      ops_.add_rows({weights_.cls_token.data(), {1, C}}, tokens.slice(0, 0, 1), ws);
    }
    // x[E, T) += patches W_E^T + b_E  [N, C]
    ops_.linear_add(patches, weights_.patch_embed, tokens.slice(0, E, N), ws);
  }
}

void EncoderNetwork::run_layer(Index i, TensorView<float, 3> x, Workspace& ws) const {
  run_block(ops_, weights_.blocks[static_cast<std::size_t>(i)], config_.heads, x, ws);
}

void EncoderNetwork::final_norm(TensorView<const float, 3> x, TensorView<float, 3> y,
                                Workspace& ws) const {
  ops_.layer_norm(rows_of(x), weights_.final_norm, rows_of(y), ws);
}

void EncoderNetwork::take(TensorView<const float, 3> x, const EncoderTap& tap,
                          Workspace& ws) const {
  if (tap.norm) {
    final_norm(x, tap.tokens, ws);
  } else {
    ops_.copy_rows(rows_of(x), rows_of(tap.tokens), ws);
  }
}

}  // namespace sapiens
