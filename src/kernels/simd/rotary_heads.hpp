// Epilogue::NormRotate: heads of q and k in y are normalised and rotated while they are in the
// nearest caches, but not right behind the tile that completes them: loads that follow its stores
// so closely wait for them, which took longer than the arithmetic (a fifth of an fp32 layer of 64
// dimensions per head). So a tile's heads are finished behind the next tile. Not behind the next
// panel: 1024 inputs give rows of y 8 KB apart, which share few sets of L2 (5 % of that layer).
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

// A half of a head in vectors: whole ones, then one that ends where the half ends, which repeats
// numbers of the one before it. Masked stores are slow on AMD's CPUs: with them, heads of 76 and 80
// dimensions took a fifth longer in fp32 and a third longer in bf16. A half shorter than a vector
// is one short vector.
struct HalfHead {
  explicit HalfHead(std::int64_t n) noexcept
      : lanes(n < kLanes ? n : kLanes),
        whole(n / kLanes * kLanes),
        last(n - lanes),
        repeated(n < kLanes ? 0 : whole - last) {}

  std::int64_t lanes;     // of the last vector
  std::int64_t whole;     // numbers in whole vectors
  std::int64_t last;      // where the last vector begins
  std::int64_t repeated;  // lanes at its begin that belong to the vector before; kLanes for no rest
};

// 1 / sqrt(mean(y^2) + epsilon) of kLanes rows at once: the sums of the lanes are taken for all
// rows together. Rows behind the last one get those of the last one. NaN where the squares
// overflow, as in rms_norm.
template <ActivationType kType>
inline Vec head_scales(const HeadOfRows& h, std::int64_t rows, float epsilon) noexcept {
  const HalfHead half(h.half);
  Vec squares[kLanes];
  for (std::int64_t r = 0; r < kLanes; ++r) {
    const void* const y = at(h.y, kType, (r < rows ? r : rows - 1) * h.stride);
    Vec first = zero(), second = zero();
    for (std::int64_t i = 0; i < half.whole; i += kLanes) {
      const Vec a = load_first(at(y, kType, i), kType, kLanes);
      const Vec b = load_first(at(y, kType, h.half + i), kType, kLanes);
      first = fma(a, a, first);
      second = fma(b, b, second);
    }
    if (half.repeated < kLanes) {
      const auto rest = [&](std::int64_t i) {
        const Vec v = load_first(at(y, kType, i), kType, half.lanes);
        return keep_first(zero(), v, half.repeated);
      };
      const Vec a = rest(half.last), b = rest(h.half + half.last);
      first = fma(a, a, first);
      second = fma(b, b, second);
    }
    squares[r] = add(first, second);
  }
  transpose(squares);
  for (int step = kLanes / 2; step > 0; step /= 2) {
    for (int i = 0; i < step; ++i) squares[i] = add(squares[i], squares[i + step]);
  }
  const Vec share = broadcast(1.0f / static_cast<float>(2 * h.half));
  const Vec scales = div(broadcast(1.0f), sqrt(fma(squares[0], share, broadcast(epsilon))));
  return fma(squares[0], zero(), scales);
}

// `cos` is the row of rotations.
template <ActivationType kType>
[[gnu::always_inline]] inline void rotate_head(const HeadOfRows& h, void* y, float scale_of_row,
                                               const float* cos) noexcept {
  const HalfHead half(h.half);
  const Vec scale = broadcast(scale_of_row);
  const auto rotate = [&](std::int64_t i, Vec first, Vec second, std::int64_t lanes) {
    const Vec a = mul(first, mul(scale, load_first(h.gamma + i, lanes)));
    const Vec b = mul(second, mul(scale, load_first(h.gamma + h.half + i, lanes)));
    const Vec c = load_first(cos + i, lanes), s = load_first(cos + h.half + i, lanes);
    store_first(at(y, kType, i), kType, sub(mul(a, c), mul(b, s)), lanes);
    store_first(at(y, kType, h.half + i), kType, fma(b, c, mul(a, s)), lanes);
  };
  // Read before the vector that it repeats is written.
  const Vec first = load_first(at(y, kType, half.last), kType, half.lanes);
  const Vec second = load_first(at(y, kType, h.half + half.last), kType, half.lanes);
  for (std::int64_t i = 0; i < half.whole; i += kLanes) {
    rotate(i, load_first(at(y, kType, i), kType, kLanes),
           load_first(at(y, kType, h.half + i), kType, kLanes), kLanes);
  }
  if (half.lanes < kLanes) {
    rotate(0, first, second, half.lanes);
  } else if (half.repeated < kLanes) {
    rotate(half.last, first, second, kLanes);
  }
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

// Finishes the heads of one tile behind the next one.
class HeadsBehind {
 public:
  explicit HeadsBehind(const LinearArgs& a) noexcept : a_(a) {}

  // After the tile of some rows that begins at `column`.
  void add(std::int64_t first_row, std::int64_t rows, std::int64_t column) noexcept {
    if (a_.epilogue != Epilogue::NormRotate) return;
    finish();
    first_row_ = first_row;
    rows_ = rows;
    column_ = column;
  }
  void finish() const noexcept {
    if (rows_ > 0) finish_heads(a_, first_row_, rows_, column_, next_column(a_, column_));
  }

 private:
  const LinearArgs& a_;
  std::int64_t first_row_ = 0, rows_ = 0, column_ = 0;
};

}  // namespace
}  // namespace sapiens::kernels
