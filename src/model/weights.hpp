#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "model/block.hpp"
#include "model/config.hpp"
#include "model/param_loader.hpp"
#include "nn/ops.hpp"

namespace sapiens {

/// Fields are named after the checkpoint keys, so that a key can be found by reading.
struct EncoderWeights {
  AlignedBuffer<float> cls_token;  // cls_token               [C], empty without one
  AlignedBuffer<float> pos_embed;  // pos_embed               [T, C]
  LinearWeights patch_embed;       // patch_embed.projection  [C, 3*16*16]
  std::vector<BlockWeights> blocks = {};
  LayerNormWeights final_norm;  // ln1, the top-level one

  std::size_t bytes() const noexcept;
};

struct LoadedEncoder {
  EncoderWeights weights;
  std::vector<NonFinite>
      non_finite;  ///< In checkpoint order; the caller decides what to do about them.
};

/// Reads, converts and packs every parameter of the encoder, each touched once and never held
/// twice; `progress` receives the fraction of values done.
LoadedEncoder load_encoder(const EncoderConfig& config, const ParamSource& source, const Ops& ops,
                           const std::function<void(double)>& progress = {});

}  // namespace sapiens
