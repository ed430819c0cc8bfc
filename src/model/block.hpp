#pragma once

#include <cstddef>
#include <string>

#include "core/workspace.hpp"
#include "model/block_size.hpp"
#include "nn/ops.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

class ParamLoader;

/// A pre-norm transformer layer, the same in the encoder and in the decoder of the masked
/// autoencoder. Fields are named after the checkpoint keys, so that a key can be found by reading.
struct BlockWeights {
  LayerNormWeights ln1;  // layers.{i}.ln1
  LinearWeights qkv;     // layers.{i}.attn.qkv        [3C, C]
  LinearWeights proj;    // layers.{i}.attn.proj       [C, C]
  LayerNormWeights ln2;  // layers.{i}.ln2
  LinearWeights fc1;     // layers.{i}.ffn.layers.0.0  [M, C]
  LinearWeights fc2;     // layers.{i}.ffn.layers.1    [C, M]

  std::size_t bytes() const noexcept;
};

/// Reads the norm `module`, and the layer `module`.
LayerNormWeights load_layer_norm(ParamLoader& params, const std::string& module, Index width);
BlockWeights load_block(ParamLoader& params, const std::string& module, const BlockSize& size);

std::size_t bytes_of(const LayerNormWeights& norm) noexcept;

/// x += Attention(LN1(x));  x += MLP(LN2(x)).  `tokens` is [B, T, C]; attention stays within an
/// image. Allocates only from `ws`.
void run_block(const Ops& ops, const BlockWeights& w, Index heads, TensorView<float, 3> tokens,
               Workspace& ws);

}  // namespace sapiens
