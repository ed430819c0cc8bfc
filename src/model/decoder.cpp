#include "model/decoder.hpp"

#include <fmt/format.h>

#include <cassert>

#include "model/param_loader.hpp"
#include "model/params.hpp"

namespace sapiens {

std::size_t DecoderWeights::bytes() const noexcept {
  std::size_t total = (mask_token.span().size() + pos_embed.span().size()) * sizeof(float);
  total += embed.bytes() + bytes_of(final_norm) + pred.bytes();
  for (const BlockWeights& block : blocks) total += block.bytes();
  return total;
}

LoadedDecoder load_decoder(const DecoderConfig& config, Index encoder_width,
                           const ParamSource& source, const Ops& ops,
                           const std::function<void(double)>& progress) {
  const Index M = config.width;
  ParamLoader params(decoder_params(config, encoder_width), source, ops, progress);
  LoadedDecoder loaded;
  DecoderWeights& w = loaded.weights;
  w.mask_token = params.vector("neck.mask_token", M);
  w.pos_embed = params.vector("neck.decoder_pos_embed", config.tokens * M);
  w.embed = params.linear("decoder_embed", "neck.decoder_embed", M, encoder_width);
  for (Index i = 0; i < config.depth; ++i) {
    w.blocks.push_back(
        load_block(params, fmt::format("neck.decoder_blocks.{}", i), config.block()));
  }
  w.final_norm = load_layer_norm(params, "neck.ln1", M);
  w.pred = params.linear("decoder_pred", "neck.decoder_pred", config.outputs, M);
  loaded.non_finite = params.take_non_finite();
  loaded.unquantized = params.take_unquantized();
  return loaded;
}

Decoder::Decoder(const DecoderConfig& config, const DecoderWeights& weights, const Ops& ops)
    : config_(config), weights_(weights), ops_(ops) {
  assert(static_cast<Index>(weights.blocks.size()) == config.depth);
}

// T = tokens, M = width of the decoder.
void Decoder::forward(ConstMatrix tokens, std::span<const Index> kept, Matrix prediction,
                      Workspace& ws, const std::function<void(double)>& progress) const {
  const Index T = config_.tokens;
  const Index M = config_.width;
  expect_shape("decoder: tokens", tokens, {1 + std::ssize(kept), weights_.embed.in});
  expect_shape("decoder: prediction", prediction, {T - 1, config_.outputs});

  const Workspace::Scope scope(ws);
  const Matrix z = ws.matrix(T, M);
  place(tokens, kept, z, ws);
  for (Index i = 0; i < config_.depth; ++i) {
    run_block(ops_, weights_.blocks[static_cast<std::size_t>(i)], config_.heads,
              {z.data(), {1, T, M}}, ws);
    if (progress) progress(static_cast<double>(i + 1) / static_cast<double>(config_.depth));
  }
  const Activations h = take_activations(ws, ops_.activation_type(), T, M);
  ops_.layer_norm(z, weights_.final_norm, h, ws);  // h = LN(z)  [T, M]
  // prediction = h W_pred^T + b  [T - 1, 768]; the class token predicts nothing
  ops_.linear(h.rows_from(1, T - 1), weights_.pred, prediction, ws);
}

// z = [cls, patches in their places, mask token elsewhere] + D_pos  [T, M];  K = kept patches
void Decoder::place(ConstMatrix tokens, std::span<const Index> kept, Matrix z,
                    Workspace& ws) const {
  const Index M = config_.width;
  const Index K = std::ssize(kept);
  const Index patches = z.extent(0) - 1;
  const Workspace::Scope scope(ws);
  const Matrix y = ws.matrix(1 + K, M);
  const Matrix of_patches = z.slice(0, 1, patches);
  const ConstMatrix mask(weights_.mask_token.data(), {patches, M}, {0, 1});  // one row, repeated
  const ConstMatrix positions(weights_.pos_embed.data(), z.extents());

  ops_.linear(tokens, weights_.embed, y, ws);                 // y = tokens W_D^T + b  [1 + K, M]
  ops_.copy_rows(y.slice(0, 0, 1), z.slice(0, 0, 1), ws);     // z[0]           = y[0]
  ops_.copy_rows(mask, of_patches, ws);                       // z[1 + i]       = mask token
  ops_.scatter_rows(y.slice(0, 1, K), kept, of_patches, ws);  // z[1 + kept[i]] = y[1 + i]
  ops_.add_rows(positions, z, ws);                            // z             += D_pos
}

}  // namespace sapiens
