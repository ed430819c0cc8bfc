// y = softmax(scale q k^T) v for some queries of one head, without an N x N matrix.
// Included behind a vector.hpp.
//
//   q * scale * log2 e -> scratch                                     once
//   for block of kKeyBlock keys                                       k, v blocks in L2
//     pack k^T into panels [head_dim, kColumnTile] and v into [keys, head_dim]
//     for tile of kRowTile queries
//       s = q k^T                         registers -> L1             [kRowTile, kKeyBlock]
//       per row:  m' = max(m, max s);  p = 2^(s - m');  l = l 2^(m - m') + sum p
//       o = o 2^(m - m') + p v            registers                   [kRowTile, head_dim]
//   y = o / l
//
// The maximum and its corrections are kept per row, and key blocks start at multiples of kKeyBlock,
// so that a row of y does not depend on the queries around it.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd/elementary.hpp"
#include "kernels/simd/tile.hpp"

namespace sapiens::kernels {
namespace {

constexpr std::int64_t kKeyBlock = 256;
constexpr std::int64_t kRowBlock = 504;   // a multiple of 14 and of 6
constexpr std::int64_t kDimChunk = 128;   // larger heads: q k^T in several passes
constexpr int kQStride = kDimChunk + 16;  // odd numbers of cache lines, see multiply()
constexpr int kPStride = kKeyBlock + 16;

// Where things are in the scratch memory, as offsets in floats.
struct AttentionLayout {
  explicit AttentionLayout(std::int64_t head_dim) noexcept
      : chunks(ceil_div(head_dim, kDimChunk)),
        padded_dim(round_up(head_dim, kLanes)),
        o(chunks * kRowBlock * kQStride),
        k(o + kRowBlock * padded_dim),
        v(k + kKeyBlock * head_dim),
        p(v + kKeyBlock * padded_dim),
        max(p + kRowTile * kPStride),
        sum(max + kRowBlock),
        correction(sum + kRowBlock),
        end(correction + kLanes) {}

  std::int64_t chunks, padded_dim;
  std::int64_t o, k, v, p, max, sum, correction, end;  // q is at 0
};

struct AttentionScratch {
  AttentionScratch(float* base, const AttentionLayout& at) noexcept
      : chunks(at.chunks),
        padded_dim(at.padded_dim),
        q(base),
        o(base + at.o),
        k(base + at.k),
        v(base + at.v),
        p(base + at.p),
        max(base + at.max),
        sum(base + at.sum),
        correction(base + at.correction) {}

  float* q_tile(std::int64_t chunk, std::int64_t row) const noexcept {
    return q + (chunk * kRowBlock + row) * kQStride;
  }

  std::int64_t chunks, padded_dim;
  float *q, *o, *k, *v, *p;
  float *max, *sum;   // [kRowBlock], of the keys so far
  float* correction;  // [kLanes], of the rows of a tile
};

std::int64_t attention_scratch_bytes(std::int64_t, std::int64_t head_dim) noexcept {
  return AttentionLayout(head_dim).end * static_cast<std::int64_t>(sizeof(float));
}

inline std::int64_t dims_in(std::int64_t chunk, std::int64_t head_dim) noexcept {
  const std::int64_t left = head_dim - chunk * kDimChunk;
  return left < kDimChunk ? left : kDimChunk;
}

// Rows up to the next whole tile hold whatever was there; nothing of them reaches y.
inline void begin_queries(const AttentionArgs& a, const AttentionScratch& s) noexcept {
  constexpr float kLog2E = 1.44269504f;
  for (std::int64_t r = 0; r < a.rows; ++r) {
    for (std::int64_t c = 0; c < s.chunks; ++c) {
      const std::int64_t dims = dims_in(c, a.head_dim);
      copy_row(at(a.q, a.type, r * a.stride + c * kDimChunk), a.type, dims, a.scale * kLog2E,
               s.q_tile(c, r), round_up(dims, kLanes));
    }
  }
  const std::int64_t padded_rows = round_up(a.rows, kRowTile);
  for (std::int64_t r = 0; r < padded_rows; ++r) {
    s.max[r] = -__builtin_inff();
    s.sum[r] = 0;
  }
  for (std::int64_t i = 0; i < padded_rows * s.padded_dim; i += kLanes) store(s.o + i, zero());
}

// Keys behind the last one become 0 in both.
inline void pack_keys(const AttentionArgs& a, const AttentionScratch& s, std::int64_t first,
                      std::int64_t keys) noexcept {
  const void* const k = at(a.k, a.type, first * a.stride);
  const void* const v = at(a.v, a.type, first * a.stride);
  const std::int64_t padded_keys = round_up(keys, kColumnTile);
  for (std::int64_t t = 0; t < padded_keys; t += kLanes) {
    float* const panel = s.k + t / kColumnTile * kColumnTile * a.head_dim + t % kColumnTile;
    const std::int64_t left = keys - t;
    transpose_rows(at(k, a.type, t * a.stride), a.type, a.stride, left < 0 ? 0 : left, a.head_dim,
                   panel, kColumnTile);
  }
  for (std::int64_t t = 0; t < keys; ++t) {
    copy_row(at(v, a.type, t * a.stride), a.type, a.head_dim, 1.0f, s.v + t * s.padded_dim,
             s.padded_dim);
  }
}

// s.p = q k^T for one tile of queries.
inline void score_tile(const AttentionScratch& s, std::int64_t row, std::int64_t keys,
                       std::int64_t head_dim) noexcept {
  for (std::int64_t t = 0; t < keys; t += kColumnTile) {
    Tile<kColumnVecs> tile;
    clear(tile);
    for (std::int64_t c = 0; c < s.chunks; ++c) {
      multiply<kQStride>(tile, s.q_tile(c, row), s.k + t * head_dim + c * kDimChunk * kColumnTile,
                         kColumnTile, dims_in(c, head_dim));
    }
    store(s.p + t, kPStride, tile);
  }
}

inline float row_max(const float* p, std::int64_t keys, float so_far) noexcept {
  Vec highest = broadcast(so_far);
  std::int64_t t = 0;
  for (; t + kLanes <= keys; t += kLanes) highest = max(highest, load(p + t));
  if (t < keys) highest = max(highest, keep_first(load(p + t), highest, keys - t));
  return max_lanes(highest);
}

// p = 2^(p - shift); returns the sum. A NaN among the scores comes out here, so the maximum may
// overlook it.
inline float exponentiate_row(float* p, std::int64_t keys, Vec shift) noexcept {
  Vec sum = zero();
  std::int64_t t = 0;
  for (; t + kLanes <= keys; t += kLanes) {
    const Vec e = exp2(sub(load(p + t), shift));
    store(p + t, e);
    sum = add(sum, e);
  }
  if (t < keys) {
    const Vec e = keep_first(exp2(sub(load(p + t), shift)), zero(), keys - t);
    store(p + t, e);
    sum = add(sum, e);
  }
  return sum_lanes(sum);
}

// Scores become weights, and the running maxima and sums of the rows follow. Row by row only where
// it must be: what there is one number of per row is done for the tile as one vector.
inline void softmax_tile(const AttentionScratch& s, std::int64_t row, std::int64_t keys) noexcept {
  static_assert(kRowTile <= kLanes);
  alignas(64) float highest[kLanes], total[kLanes];
  for (int r = 0; r < kRowTile; ++r) {
    highest[r] = row_max(s.p + r * kPStride, keys, s.max[row + r]);
  }
  const Vec new_max = load_first(highest, kRowTile);
  const Vec correction = exp2(sub(load_first(s.max + row, kRowTile), new_max));
  store(s.correction, correction);
  store_first(s.max + row, new_max, kRowTile);

  for (int r = 0; r < kRowTile; ++r) {
    total[r] = exponentiate_row(s.p + r * kPStride, keys, broadcast(highest[r]));
  }
  const Vec sum = fma(load_first(s.sum + row, kRowTile), correction, load_first(total, kRowTile));
  store_first(s.sum + row, sum, kRowTile);
}

// o = o * correction + p v for kVecs vectors of the head dimension.
template <int kVecs>
inline void weigh_values(const AttentionScratch& s, float* o, const float* v,
                         std::int64_t keys) noexcept {
  Tile<kVecs> tile;
#pragma GCC unroll 16
  for (int r = 0; r < kRowTile; ++r) {
    const Vec factor = broadcast(s.correction[r]);
#pragma GCC unroll 4
    for (int i = 0; i < kVecs; ++i) {
      tile.sum[r][i] = mul(load(o + r * s.padded_dim + i * kLanes), factor);
    }
  }
  multiply<kPStride>(tile, s.p, v, s.padded_dim, keys);
  store(o, s.padded_dim, tile);
}

inline void attend_tile(const AttentionScratch& s, std::int64_t row, std::int64_t keys,
                        std::int64_t head_dim) noexcept {
  score_tile(s, row, keys, head_dim);
  softmax_tile(s, row, keys);
  float* const o = s.o + row * s.padded_dim;
  std::int64_t d = 0;
  for (; d + kColumnTile <= s.padded_dim; d += kColumnTile) {
    weigh_values<kColumnVecs>(s, o + d, s.v + d, keys);
  }
  for (; d < s.padded_dim; d += kLanes) weigh_values<1>(s, o + d, s.v + d, keys);
}

// Brings some keys and values into L2, whose rows lie far apart: no hardware does it for us.
inline void prefetch_keys(const AttentionArgs& a, std::int64_t first, std::int64_t count) noexcept {
  const std::int64_t line = 64 / bytes_of(a.type);
  const std::int64_t end = first + count < a.tokens ? first + count : a.tokens;
  for (std::int64_t t = first; t < end; ++t) {
    for (std::int64_t d = 0; d < a.head_dim; d += line) {
      __builtin_prefetch(at(a.k, a.type, t * a.stride + d), 0, 2);
      __builtin_prefetch(at(a.v, a.type, t * a.stride + d), 0, 2);
    }
  }
}

void attention_run(const AttentionArgs& a) noexcept {
  const AttentionScratch s(static_cast<float*>(a.scratch), AttentionLayout(a.head_dim));
  begin_queries(a, s);
  const std::int64_t ahead_per_tile = ceil_div(kKeyBlock, ceil_div(a.rows, kRowTile));
  for (std::int64_t first = 0; first < a.tokens; first += kKeyBlock) {
    const std::int64_t keys = a.tokens - first < kKeyBlock ? a.tokens - first : kKeyBlock;
    pack_keys(a, s, first, keys);
    std::int64_t ahead = first + kKeyBlock;
    for (std::int64_t r = 0; r < a.rows; r += kRowTile, ahead += ahead_per_tile) {
      prefetch_keys(a, ahead, ahead_per_tile);
      attend_tile(s, r, keys, a.head_dim);
    }
  }
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const Vec inverse = broadcast(1.0f / s.sum[r]);
    for (std::int64_t d = 0; d < a.head_dim; d += kLanes) {
      const Vec o = load(s.o + r * s.padded_dim + d);
      store_first(at(a.y, a.type, r * a.y_stride + d), a.type, mul(o, inverse), a.head_dim - d);
    }
  }
}

constexpr AttentionKernel kAttention{.run = &attention_run,
                                     .scratch_bytes = &attention_scratch_bytes,
                                     .row_tile = kRowTile,
                                     .row_block = kRowBlock};

}  // namespace
}  // namespace sapiens::kernels
