#pragma once

#include <span>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// A transformer block as plain fp32 arrays in PyTorch's order, named after the checkpoint keys.
struct ReferenceBlock {
  Index width, heads, mlp_width;
  std::vector<float> ln1_weight, ln1_bias;
  std::vector<float> qkv_weight, qkv_bias;    // [3C, C], [3C]
  std::vector<float> proj_weight, proj_bias;  // [C, C], [C]
  std::vector<float> ln2_weight, ln2_bias;
  std::vector<float> fc1_weight, fc1_bias;  // [M, C], [M]
  std::vector<float> fc2_weight, fc2_bias;  // [C, M], [C]
};

/// x += attention(ln1(x)); x += mlp(ln2(x)) in double, without any kernel of the library.
///
/// `x` is [tokens, width]; the result holds the given rows of the output, one after the other. Keys
/// and values are computed for all tokens and the rest for these rows only, so a full-size block
/// takes seconds: tokens * 2 * width^2 multiply-adds.
std::vector<double> reference_block(const ReferenceBlock& block, std::span<const double> x,
                                    std::span<const Index> rows);

/// The same for Sapiens2: RMS norms, rotary positions, grouped-query attention, layer scale,
/// SwiGLU.
struct Sapiens2ReferenceBlock {
  Index width, heads, kv_heads, mlp_width;
  Index extra_tokens, grid_height, grid_width;  // the tokens: extra ones, then patches row by row
  std::vector<float> ln1;
  std::vector<float> wq, wq_bias, wk, wk_bias, wv, wv_bias;  // [C, C], [kv_heads d, C] twice
  std::vector<float> q_norm, k_norm;                         // [d], d = C / heads
  std::vector<float> proj, proj_bias;                        // [C, C], [C]
  std::vector<float> gamma;                                  // [C]
  std::vector<float> ln2;
  std::vector<float> w12, w12_bias;  // [2M, C]: gates, then values
  std::vector<float> w3, w3_bias;    // [C, M], [C]
};
std::vector<double> reference_block(const Sapiens2ReferenceBlock& block, std::span<const double> x,
                                    std::span<const Index> rows);

}  // namespace sapiens
