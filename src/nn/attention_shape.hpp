#pragma once

#include <span>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// How rows of joined queries, keys and values are laid out: q [heads, head_dim] | k [kv_heads,
/// head_dim] | v [kv_heads, head_dim]. Query head h uses key head h / (heads / kv_heads).
struct AttentionShape {
  Index heads = 0, kv_heads = 0, head_dim = 0;

  /// Columns of q, which are those of the output.
  constexpr Index width() const noexcept { return heads * head_dim; }
  /// Columns of k, or of v.
  constexpr Index kv_width() const noexcept { return kv_heads * head_dim; }
  /// Columns of q, k and v together.
  constexpr Index columns() const noexcept { return width() + 2 * kv_width(); }
};

/// The shape of `heads` heads that have keys and values of their own. Throws
/// `Error(InvalidArgument)` if they do not divide `width`.
AttentionShape attention_shape(Index width, Index heads);

/// Throws `Error(InvalidArgument)` for a shape without heads, or whose query heads do not share key
/// heads evenly.
void expect_heads(const AttentionShape& shape);

/// Norms of queries and keys, and rotary positions.
struct RotaryNorm {
  std::span<const float> q_gamma, k_gamma;  ///< [head_dim], one for all heads
  /// [tokens, head_dim]: the cosines, then the sines of head_dim / 2 angles, of each token of one
  /// image. A token whose angles are all 0 keeps its numbers, bit by bit.
  ConstMatrix rotations;
};

}  // namespace sapiens
