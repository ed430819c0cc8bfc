// Epilogue::NormRotate: heads of q and k in y are normalised and rotated once a panel of outputs
// has completed them for all rows of a call, while they are in L1 or L2. Not right behind the tile
// that completes them: loads that follow its stores so closely would have to wait for them, and
// took longer than the arithmetic of the tile (fp32, 64 dimensions: a fifth of the entire layer).
// Included after a vector.hpp.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd/numbers.hpp"
#include "kernels/simd/tile.hpp"

namespace sapiens::kernels {
namespace {

// The first number of one head in some rows, and what belongs to it.
struct HeadOfRows {
  void* y = nullptr;
  std::int64_t stride = 0, half = 0;
  const float* gamma = nullptr;
};

// 1 / sqrt(mean(y^2) + epsilon) of kLanes rows at once: the sums of the lanes are taken for all
// rows together. Rows behind the last one get those of the last one.
template <ActivationType kType>
inline Vec head_scales(const HeadOfRows& h, std::int64_t rows, float epsilon) noexcept {
  Vec squares[kLanes];
  for (std::int64_t r = 0; r < kLanes; ++r) {
    const void* const y = at(h.y, kType, (r < rows ? r : rows - 1) * h.stride);
    Vec first = zero(), second = zero();
    for_each_vector_of(h.half, [&](std::int64_t i, std::int64_t left) {
      const Vec a = load_first(at(y, kType, i), kType, left);
      const Vec b = load_first(at(y, kType, h.half + i), kType, left);
      first = fma(a, a, first);
      second = fma(b, b, second);
    });
    squares[r] = add(first, second);
  }
  transpose(squares);
  for (int step = kLanes / 2; step > 0; step /= 2) {
    for (int i = 0; i < step; ++i) squares[i] = add(squares[i], squares[i + step]);
  }
  const Vec share = broadcast(1.0f / static_cast<float>(2 * h.half));
  return div(broadcast(1.0f), sqrt(fma(squares[0], share, broadcast(epsilon))));
}

template <ActivationType kType>
[[gnu::always_inline]] inline void rotate_head(const HeadOfRows& h, void* y, float scale_of_row,
                                               const float* cos) noexcept {
  const Vec scale = broadcast(scale_of_row);
  for_each_vector_of(h.half, [&](std::int64_t i, std::int64_t left) {
    const auto normalised = [&](std::int64_t at_i) {
      return mul(load_first(at(y, kType, at_i), kType, left),
                 mul(scale, load_first(h.gamma + at_i, left)));
    };
    const Vec a = normalised(i), b = normalised(h.half + i);
    const Vec c = load_first(cos + i, left), s = load_first(cos + h.half + i, left);
    store_first(at(y, kType, i), kType, sub(mul(a, c), mul(b, s)), left);
    store_first(at(y, kType, h.half + i), kType, fma(b, c, mul(a, s)), left);
  });
}

template <ActivationType kType>
inline void norm_rotate(const RotaryHeads& h, HeadOfRows head, std::int64_t token,
                        std::int64_t all_rows) noexcept {
  for (std::int64_t first = 0; first < all_rows; first += kLanes) {
    const std::int64_t left = all_rows - first, rows = left < kLanes ? left : kLanes;
    alignas(64) float scales[kLanes];
    store(scales, head_scales<kType>(head, rows, h.epsilon));
    for (std::int64_t r = 0; r < rows; ++r) {
      rotate_head<kType>(head, head.y, scales[r], h.rotations + token * h.stride);
      head.y = at(head.y, kType, head.stride);
      if (++token == h.tokens) token = 0;
    }
  }
}

// The column behind a tile that begins at `column`.
inline std::int64_t next_column(const LinearArgs& a, std::int64_t column) noexcept {
  const std::int64_t end = a.first_column + a.columns;
  return end - column < kColumnTile ? end : column + kColumnTile;
}

// Heads of q and k that end within the columns [begin, end), in some rows of a call. Columns of a
// call are finished from left to right, so these heads are complete then.
[[gnu::noinline]] void finish_heads(const LinearArgs& a, std::int64_t first_row, std::int64_t rows,
                                    std::int64_t begin, std::int64_t end) noexcept {
  const RotaryHeads& h = *a.heads;
  const std::int64_t complete = end / h.head_dim, of_q_and_k = h.heads + h.kv_heads;
  const std::int64_t end_head = complete < of_q_and_k ? complete : of_q_and_k;
  const std::int64_t token = (a.first_row + first_row) % h.tokens;
  for (std::int64_t i = begin / h.head_dim; i < end_head; ++i) {
    const HeadOfRows head{.y = at(a.y, a.y_type, first_row * a.y_stride + i * h.head_dim),
                          .stride = a.y_stride,
                          .half = h.head_dim / 2,
                          .gamma = i < h.heads ? h.q_gamma : h.k_gamma};
    if (a.y_type == ActivationType::F32) {
      norm_rotate<ActivationType::F32>(h, head, token, rows);
    } else {
      norm_rotate<ActivationType::Bf16>(h, head, token, rows);
    }
  }
}

}  // namespace
}  // namespace sapiens::kernels
