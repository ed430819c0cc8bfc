#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "model/block.hpp"
#include "model/config.hpp"
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

/// Where the loader gets numbers from: a checkpoint through its plan, or a generator of random
/// ones.
struct ParamSource {
  /// Fills `out` with elements [first, first + out.size()) of parameter `key`. Called from several
  /// threads.
  std::function<void(const std::string& key, Index first, std::span<float> out)> read = {};
  /// How wide the numbers of `key` are where they come from; empty: F32.
  std::function<DType(const std::string& key)> stored = {};
  /// Called once when nothing of `key` is needed any more; may be empty.
  std::function<void(const std::string& key)> done = {};
};

/// A parameter that holds NaN or infinity.
struct NonFinite {
  std::string key = {};
  Index count = 0;
};

struct LoadedEncoder {
  EncoderWeights weights;
  std::vector<NonFinite>
      non_finite;  ///< In checkpoint order; the caller decides what to do about them.
};

/// Reads, converts and packs every parameter of the encoder, each touched once and never held
/// twice; `progress` is told the share of values done.
LoadedEncoder load_encoder(const EncoderConfig& config, const ParamSource& source, const Ops& ops,
                           const std::function<void(double)>& progress = {});

}  // namespace sapiens
