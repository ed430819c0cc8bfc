#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/workspace.hpp"
#include "model/block.hpp"
#include "model/config.hpp"
#include "model/param_loader.hpp"
#include "nn/ops.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// The parameters "neck.*".
struct DecoderWeights {
  AlignedBuffer<float> mask_token;        // mask_token         [M]
  AlignedBuffer<float> pos_embed;         // decoder_pos_embed  [T, M]
  LinearWeights embed;                    // decoder_embed      [M, C]
  std::vector<BlockWeights> blocks = {};  // decoder_blocks.{i}
  LayerNormWeights final_norm;            // ln1
  LinearWeights pred;                     // decoder_pred       [3*16*16, M]

  std::size_t bytes() const noexcept;
};

struct LoadedDecoder {
  DecoderWeights weights;
  std::vector<NonFinite> non_finite;     ///< In checkpoint order.
  std::vector<std::string> unquantized;  ///< As in LoadedEncoder.
};

/// As `load_encoder`, for the decoder on an encoder of `encoder_width`.
LoadedDecoder load_decoder(const DecoderConfig& config, Index encoder_width,
                           const ParamSource& source, const Ops& ops,
                           const std::function<void(double)>& progress = {});

/// The decoder of the masked autoencoder. It predicts the pixels of all patches from the tokens of
/// the visible ones.
class Decoder {
 public:
  /// Weights and ops must outlive this object.
  Decoder(const DecoderConfig& config, const DecoderWeights& weights, const Ops& ops);

  /// `tokens` [1 + kept, C] as `Encoder::forward_masked` left them: the class token, then the
  /// patches `kept`, in that order. `prediction` [patches, 3*16*16]: row, column, channel; of each
  /// patch relative to its own mean and deviation. Allocates only from `ws`.
  void forward(ConstMatrix tokens, std::span<const Index> kept, Matrix prediction, Workspace& ws,
               const std::function<void(double)>& progress = {}) const;

 private:
  void place(ConstMatrix tokens, std::span<const Index> kept, Matrix z, Workspace& ws) const;

  DecoderConfig config_;
  const DecoderWeights& weights_;
  const Ops& ops_;
};

}  // namespace sapiens
