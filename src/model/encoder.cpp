#include "model/encoder.hpp"

namespace sapiens {
namespace {

// The tokens of all images together, [B T, C].
template <class Float>
TensorView<Float, 2> rows_of(TensorView<Float, 3> x) {
  return {x.data(), {x.extent(0) * x.extent(1), x.extent(2)}};
}

}  // namespace

// B = images, T = tokens of one image, C = width.
void EncoderNetwork::forward(std::span<const TensorView<const float, 3>> images,
                             ConstMatrix positions, std::span<const EncoderTap> taps, Workspace& ws,
                             const std::function<void(double)>& progress) const {
  const Index B = std::ssize(images);
  const Index T = positions.extent(0);
  const Index C = config_.width;
  for (const EncoderTap& tap : taps) expect_shape("encoder: tokens", tap.tokens, {B, T, C});

  const Workspace::Scope scope(ws);
  const TensorView<float, 3> x(ws.matrix(B * T, C).data(), {B, T, C});
  layers_.embed(ops_, images, positions, x, ws);  // x   = tokens of the patches  [B, T, C]
  const Index depth = taps.empty() ? 0 : taps.back().layer + 1;
  for (Index i = 0; i < depth; ++i) {
    layers_.run_block(ops_, i, positions, x, ws);  // x   = block i of x  [B, T, C]
    for (const EncoderTap& tap : taps) {
      if (tap.layer == i) take(x, tap, ws);  // tap = x, or its norm  [B, T, C]
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
    layers_.embed(ops_, {&image, 1}, positions, {all.data(), {1, T, C}}, ws);
    // x = [cls, kept patches], each with its position  [E + K, C]
    ops_.copy_rows(all.slice(0, 0, E), tokens.slice(0, 0, E), ws);
    ops_.gather_rows(all.slice(0, E, T - E), kept, tokens.slice(0, E, K), ws);
  }
  for (Index i = 0; i < config_.depth; ++i) {
    layers_.run_block(ops_, i, positions, x, ws);  // x = block i of x  [E + K, C]
    if (progress) progress(static_cast<double>(i + 1) / static_cast<double>(config_.depth));
  }
  layers_.final_norm(ops_, tokens, tokens, ws);  // x = norm(x)  [E + K, C]
}

void EncoderNetwork::take(TensorView<const float, 3> x, const EncoderTap& tap,
                          Workspace& ws) const {
  if (tap.norm) {
    layers_.final_norm(ops_, rows_of(x), rows_of(tap.tokens), ws);
  } else {
    ops_.copy_rows(rows_of(x), rows_of(tap.tokens), ws);
  }
}

}  // namespace sapiens
