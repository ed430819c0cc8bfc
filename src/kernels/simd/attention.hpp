// y = softmax(scale q k^T) v for some queries of the heads that share a k and a v. Included after a
// vector.hpp.
//
//   q -> per tile of kRowTile queries: [dimensions, queries]                      once
//   for block of keys                                       two blocks of k and v take half of L2
//     for tile of kRowTile queries
//       for panel of kColumnTile keys
//         t = scale log2(e) q k^T - m;  p = 2^t;  l += p     registers; p -> L1 [queries, keys]
//       o += p v                                             registers    [kRowTile, head_dim]
//       pack a part of the next block: k in panels [dimensions, kColumnTile keys],
//         v as [keys, dimensions]
//   y = o / l
//
// Scores never leave the registers: m is what the panels before left as a maximum, rounded up to a
// whole number, and a row raises it only where a score exceeds it by more than kSlack. Being whole,
// it changes o, l and p by a power of two, exactly. While the exponentials of one panel are on
// their way, the products of the next one fill the multipliers: that is what the out-of-order
// window of the CPU is for.
//
// Panels start at fixed keys, and m follows from a row's own scores: a row of y does not depend on
// the queries around it.
//
// `Operands` says in which numbers products are taken. All of it is kept in groups of 32 bits: one
// float or two bf16 numbers, neighbours in the dimension that is summed over.
//
//   kGroup                                     numbers per group
//   Vec dimensions(row, type, first, n)        groups of a row of q or k from dimension `first` on
//   Vec values(v, type, stride, n, keys)       for n dimensions, groups of the next keys
//   Vec multiply_add(Vec a, Vec b, Vec sum)    sum + a b
//   Vec exp2(Vec)                              0, or as good as 0, at -inf; NaN stays NaN
//   Vec store_weights(p, Vec (&w)[], Vec sum)  stores a row of a panel; returns sum + w
//   Vec scaled(Vec weights, Vec power_of_two)
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd/elementary.hpp"
#include "kernels/simd/tile.hpp"

namespace sapiens::kernels {
namespace {

constexpr std::int64_t kMaxKeyBlock = 256;
// A multiple of 1, 2 and 4 heads' tiles at 3081 tokens: 3 blocks of a head that shares its keys
// with another one.
constexpr std::int64_t kRowBlock = 2072 / kRowTile * kRowTile;
constexpr float kSlack = 8;
constexpr float kInfinity = __builtin_inff();

// Keys [first, first + count), packed.
struct PackedKeys {
  float* k = nullptr;  // panels of [groups, kColumnTile]
  float* v = nullptr;  // [groups of keys, padded_dim]
  std::int64_t first = 0, count = 0;

  void begin(std::int64_t first_key, const AttentionArgs& a) noexcept {
    const std::int64_t left = a.tokens - first_key;
    first = first_key;
    count = left < 0 ? 0 : left < a.key_block ? left : a.key_block;
  }
  // Whole panels are packed, kLanes keys at a time.
  std::int64_t chunks() const noexcept { return round_up(count, kColumnTile) / kLanes; }
};

// Where things are in the scratch memory, in floats or groups. Behind p, all is per tile of
// queries.
template <class Operands>
struct AttentionScratch {
  static constexpr std::int64_t kGroup = Operands::kGroup;
  // An odd number of cache lines, so that rows fall into different sets of the cache.
  static constexpr int kPStride = kMaxKeyBlock / kGroup + 16;

  AttentionScratch(void* base, std::int64_t head_dim) noexcept
      : groups(ceil_div(head_dim, kGroup)), padded_dim(round_up(head_dim, kLanes)) {
    constexpr std::int64_t kTiles = kRowBlock / kRowTile;
    // Addresses are computed as integers, because scratch_bytes counts from a null pointer.
    const auto address = reinterpret_cast<std::uintptr_t>(base);
    const auto take = [&](std::int64_t count) {
      auto* const begin = reinterpret_cast<float*>(address + static_cast<std::uintptr_t>(bytes));
      bytes += round_up(count * 4, 64);
      return begin;
    };
    for (PackedKeys& block : keys) {
      block.k = take(kMaxKeyBlock * groups);
      block.v = take(kMaxKeyBlock / kGroup * padded_dim);
    }
    p = take(kRowTile * kPStride);
    q = take(kTiles * groups * kLanes);
    o = take(kTiles * kRowTile * padded_dim);
    sum = take(kTiles * kRowTile * kLanes);
    minus_max = take(kTiles * kLanes);
    is_fresh = take(kTiles * kLanes);
  }

  std::int64_t groups, padded_dim, bytes = 0;
  PackedKeys keys[2];  // the block in use, and the next
  float *p, *q, *o, *sum, *minus_max, *is_fresh;
};

struct QueryTile {
  template <class Operands>
  QueryTile(const AttentionScratch<Operands>& s, std::int64_t i) noexcept
      : q(s.q + i * s.groups * kLanes),
        o(s.o + i * kRowTile * s.padded_dim),
        sum(s.sum + i * kRowTile * kLanes),
        minus_max(s.minus_max + i * kLanes),
        is_fresh(s.is_fresh + i * kLanes) {}

  const float* q;    // [groups, kLanes]
  float* o;          // [kRowTile, padded_dim]
  float* sum;        // [kRowTile, kLanes], not yet reduced
  float* minus_max;  // [kLanes]: -m of each row
  float* is_fresh;   // [kLanes]: 1 for a row without a score above -inf so far, which has no m
};

template <class Operands>
std::int64_t attention_scratch_bytes(std::int64_t, std::int64_t head_dim) noexcept {
  return AttentionScratch<Operands>(nullptr, head_dim).bytes;
}

// tile += a b over groups of the summed dimension. The steps through a are constants, so that all
// rows share one address register.
template <class Operands, int kRowStep, int kGroupStep, int kVecs>
[[gnu::always_inline]] inline void multiply_groups(Tile<kVecs>& tile, const float* a,
                                                   const float* b, std::int64_t b_stride,
                                                   std::int64_t groups) noexcept {
  for (std::int64_t i = 0; i < groups; ++i) {
    Vec row_of_b[kVecs];
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) row_of_b[v] = load(b + i * b_stride + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRowTile; ++r) {
      const Vec from_a = broadcast(a[r * kRowStep + i * kGroupStep]);
#pragma GCC unroll 4
      for (int v = 0; v < kVecs; ++v) {
        tile.sum[r][v] = Operands::multiply_add(from_a, row_of_b[v], tile.sum[r][v]);
      }
    }
  }
}

// to[i, r] = group i of row r, for `rows` <= kLanes; 0 in the lanes behind them.
template <class Operands>
inline void transpose_groups(const void* x, ActivationType type, std::int64_t stride,
                             std::int64_t rows, std::int64_t dims, float* to,
                             std::int64_t to_stride) noexcept {
  const std::int64_t groups = ceil_div(dims, Operands::kGroup);
  for (std::int64_t first = 0; first < groups; first += kLanes) {
    Vec block[kLanes];
    for (int r = 0; r < kLanes; ++r) {
      block[r] = r < rows ? Operands::dimensions(at(x, type, r * stride), type,
                                                 first * Operands::kGroup, dims)
                          : zero();
    }
    transpose(block);
    for (int i = 0; i < kLanes && first + i < groups; ++i) {
      store(to + (first + i) * to_stride, block[i]);
    }
  }
}

// Where the tiles of a call are: those of one head after those of another.
inline std::int64_t tiles_per_head(const AttentionArgs& a) noexcept {
  return ceil_div(a.rows, kRowTile);
}

template <class Operands>
inline void begin_queries(const AttentionArgs& a, const AttentionScratch<Operands>& s) noexcept {
  const std::int64_t per_head = tiles_per_head(a);
  for (std::int64_t i = 0; i < a.heads * per_head; ++i) {
    const std::int64_t r = i % per_head * kRowTile, left = a.rows - r;
    const void* const first = at(a.q, a.type, i / per_head * a.head_stride + r * a.stride);
    transpose_groups<Operands>(first, a.type, a.stride, left < kRowTile ? left : kRowTile,
                               a.head_dim, s.q + i * s.groups * kLanes, kLanes);
    const QueryTile tile(s, i);
    for (std::int64_t d = 0; d < kRowTile * s.padded_dim; d += kLanes) store(tile.o + d, zero());
    for (std::int64_t d = 0; d < kRowTile * kLanes; d += kLanes) store(tile.sum + d, zero());
    store(tile.minus_max, zero());
    store(tile.is_fresh, keep_first(broadcast(1.0f), zero(), kRowTile));
  }
}

// Prefetches a chunk into L2, because its rows lie too far apart for the hardware prefetchers. A
// larger distance would not help: rows at a multiple of 2 KB from each other share few sets of the
// cache.
[[gnu::always_inline]] inline void prefetch_chunk(const AttentionArgs& a,
                                                  std::int64_t first) noexcept {
  const std::int64_t line = 64 / bytes_of(a.type);
  const std::int64_t end = first + kLanes < a.tokens ? first + kLanes : a.tokens;
  for (std::int64_t t = first; t < end; ++t) {
    for (std::int64_t d = 0; d < a.head_dim; d += line) {
      __builtin_prefetch(at(a.k, a.type, t * a.stride + d), 0, 2);
      __builtin_prefetch(at(a.v, a.type, t * a.stride + d), 0, 2);
    }
  }
}

// Keys behind the last one become 0 in k, and in v as far as they share a group.
template <class Operands>
inline void pack_chunk(const AttentionArgs& a, const AttentionScratch<Operands>& s,
                       const PackedKeys& block, std::int64_t chunk) noexcept {
  const std::int64_t begin = chunk * kLanes, first = block.first + begin;
  prefetch_chunk(a, first + kLanes);
  const std::int64_t left = block.count - begin;
  float* const panel = block.k + begin / kColumnTile * kColumnTile * s.groups + begin % kColumnTile;
  transpose_groups<Operands>(at(a.k, a.type, first * a.stride), a.type, a.stride, left, a.head_dim,
                             panel, kColumnTile);
  float* v = block.v + begin / Operands::kGroup * s.padded_dim;
  for (std::int64_t t = 0; t < kLanes && t < left; t += Operands::kGroup, v += s.padded_dim) {
    const void* const row = at(a.v, a.type, (first + t) * a.stride);
    for (std::int64_t d = 0; d < s.padded_dim; d += kLanes) {
      store(v + d,
            Operands::values(at(row, a.type, d), a.type, a.stride, a.head_dim - d, left - t));
    }
  }
}

// Rows whose scores t in this panel exceed their m by more than kSlack, or that have none yet, get
// a new one; values computed with the old one are rescaled: o, sum, and p of the first `keys` keys.
template <class Operands>
[[gnu::noinline]] void raise_maxima(const AttentionScratch<Operands>& s, const QueryTile& tile,
                                    std::int64_t keys, float* t) noexcept {
  for (int r = 0; r < kRowTile; ++r, t += kColumnTile) {
    float top = -kInfinity;
    for (int c = 0; c < kColumnTile; ++c) top = t[c] > top ? t[c] : top;
    const bool is_fresh = tile.is_fresh[r] != 0;
    if (!(top > (is_fresh ? -kInfinity : kSlack))) continue;

    const float step = __builtin_ceilf(top);
    tile.minus_max[r] -= step;
    tile.is_fresh[r] = 0;
    for (int c = 0; c < kColumnTile; ++c) t[c] -= step;
    if (is_fresh) continue;
    // Not the exponential of Operands, which may be off by more than rounding.
    const Vec power = kernels::exp2(broadcast(-step));
    const auto scale = [power](float* x, std::int64_t count) {
      for (std::int64_t i = 0; i < count; i += kLanes) store(x + i, mul(load(x + i), power));
    };
    scale(tile.o + r * s.padded_dim, s.padded_dim);
    scale(tile.sum + r * kLanes, kLanes);
    float* const p = s.p + r * AttentionScratch<Operands>::kPStride;
    for (std::int64_t i = 0; i < keys / Operands::kGroup; i += kLanes) {
      store(p + i, Operands::scaled(load(p + i), power));
    }
  }
}

// Computes scores relative to m; -inf after the last key.
template <class Operands>
[[gnu::always_inline]] inline void score_panel(const AttentionScratch<Operands>& s,
                                               const QueryTile& tile, const PackedKeys& block,
                                               std::int64_t first, float scale,
                                               Tile<kColumnVecs>& t) noexcept {
  clear(t);
  multiply_groups<Operands, 1, kLanes>(t, tile.q, block.k + first * s.groups, kColumnTile,
                                       s.groups);
  const Vec factor = broadcast(scale);
#pragma GCC unroll 16
  for (int r = 0; r < kRowTile; ++r) {
    const Vec minus_max = broadcast(tile.minus_max[r]);
#pragma GCC unroll 4
    for (int v = 0; v < kColumnVecs; ++v) t.sum[r][v] = fma(t.sum[r][v], factor, minus_max);
  }
  if (block.count - first >= kColumnTile) return;
#pragma GCC unroll 16
  for (int r = 0; r < kRowTile; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kColumnVecs; ++v) {
      t.sum[r][v] =
          keep_first(t.sum[r][v], broadcast(-kInfinity), block.count - first - v * kLanes);
    }
  }
}

inline bool any_above_slack(const Tile<kColumnVecs>& t) noexcept {
  Vec highest[kColumnVecs];
#pragma GCC unroll 4
  for (int v = 0; v < kColumnVecs; ++v) highest[v] = t.sum[0][v];
#pragma GCC unroll 16
  for (int r = 1; r < kRowTile; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kColumnVecs; ++v) highest[v] = max(highest[v], t.sum[r][v]);
  }
  for (int v = 1; v < kColumnVecs; ++v) highest[0] = max(highest[0], highest[v]);
  return any_above(highest[0], kSlack);
}

// The weights of one panel of keys, which starts at key `first` of the block.
template <class Operands>
inline void weigh_panel(const AttentionScratch<Operands>& s, const QueryTile& tile,
                        const PackedKeys& block, std::int64_t first, float scale,
                        bool& some_fresh) noexcept {
  Tile<kColumnVecs> t;
  score_panel(s, tile, block, first, scale, t);
  if (some_fresh || any_above_slack(t)) [[unlikely]] {
    alignas(64) float scores[kRowTile * kColumnTile];
    store(scores, kColumnTile, t);
    raise_maxima(s, tile, first, scores);
    some_fresh = any_above(load(tile.is_fresh), 0);
#pragma GCC unroll 16
    for (int r = 0; r < kRowTile; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kColumnVecs; ++v) {
        t.sum[r][v] = load(scores + r * kColumnTile + v * kLanes);
      }
    }
  }
  float* const p = s.p + first / Operands::kGroup;
#pragma GCC unroll 16
  for (int r = 0; r < kRowTile; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kColumnVecs; ++v) t.sum[r][v] = Operands::exp2(t.sum[r][v]);
    float* const sum = tile.sum + r * kLanes;
    store(sum, Operands::store_weights(p + r * AttentionScratch<Operands>::kPStride, t.sum[r],
                                       load(sum)));
  }
}

// o += p v for kVecs vectors of the head dimension.
template <int kVecs, class Operands>
inline void weigh_values(const AttentionScratch<Operands>& s, float* o, const float* v,
                         std::int64_t keys) noexcept {
  Tile<kVecs> tile;
#pragma GCC unroll 16
  for (int r = 0; r < kRowTile; ++r) {
#pragma GCC unroll 4
    for (int i = 0; i < kVecs; ++i) tile.sum[r][i] = load(o + r * s.padded_dim + i * kLanes);
  }
  multiply_groups<Operands, AttentionScratch<Operands>::kPStride, 1>(
      tile, s.p, v, s.padded_dim, ceil_div(keys, Operands::kGroup));
  store(o, s.padded_dim, tile);
}

template <class Operands>
inline void attend_tile(const AttentionScratch<Operands>& s, const QueryTile& tile,
                        const PackedKeys& block, float scale) noexcept {
  bool some_fresh = any_above(load(tile.is_fresh), 0);
  for (std::int64_t t = 0; t < block.count; t += kColumnTile) {
    weigh_panel(s, tile, block, t, scale, some_fresh);
  }
  std::int64_t d = 0;
  for (; d + kColumnTile <= s.padded_dim; d += kColumnTile) {
    weigh_values<kColumnVecs>(s, tile.o + d, block.v + d, block.count);
  }
  for (; d < s.padded_dim; d += kLanes) {
    weigh_values<1>(s, tile.o + d, block.v + d, block.count);
  }
}

// Prefetches the state of the next tile of queries, because all tiles together may be larger than
// L2.
template <class Operands>
[[gnu::always_inline]] inline void prefetch_tile(const AttentionScratch<Operands>& s,
                                                 const QueryTile& tile) noexcept {
  constexpr std::int64_t kLine = 16;
  const auto prefetch = [](const float* x, std::int64_t count) {
    for (std::int64_t i = 0; i < count; i += kLine) __builtin_prefetch(x + i, 0, 2);
  };
  prefetch(tile.q, s.groups * kLanes);
  prefetch(tile.o, kRowTile * s.padded_dim);
  prefetch(tile.sum, kRowTile * kLanes);
}

// Divides o by l; NaN for a row without any score above -inf.
template <class Operands>
inline void finish_queries(const AttentionArgs& a, const AttentionScratch<Operands>& s) noexcept {
  for (std::int64_t head = 0; head < a.heads; ++head) {
    for (std::int64_t row = 0; row < a.rows; ++row) {
      const QueryTile tile(s, head * tiles_per_head(a) + row / kRowTile);
      const std::int64_t r = row % kRowTile;
      const float sum =
          tile.is_fresh[r] != 0 ? __builtin_nanf("") : sum_lanes(load(tile.sum + r * kLanes));
      const Vec inverse = broadcast(1.0f / sum);
      void* const y = at(a.y, a.type, head * a.head_stride + row * a.y_stride);
      for (std::int64_t d = 0; d < a.head_dim; d += kLanes) {
        store_first(at(y, a.type, d), a.type, mul(load(tile.o + r * s.padded_dim + d), inverse),
                    a.head_dim - d);
      }
    }
  }
}

template <class Operands>
void attention_run(const AttentionArgs& a) noexcept {
  constexpr float kLog2E = 1.44269504f;
  AttentionScratch<Operands> s(a.scratch, a.head_dim);
  begin_queries(a, s);
  s.keys[0].begin(0, a);
  for (std::int64_t c = 0; c < s.keys[0].chunks(); ++c) pack_chunk(a, s, s.keys[0], c);
  const std::int64_t tiles = a.heads * tiles_per_head(a);
  for (std::int64_t b = 0; b * a.key_block < a.tokens; ++b) {
    const PackedKeys& block = s.keys[b % 2];
    PackedKeys& next = s.keys[(b + 1) % 2];
    next.begin((b + 1) * a.key_block, a);
    std::int64_t packed = 0;
    for (std::int64_t i = 0; i < tiles; ++i) {
      prefetch_tile(s, QueryTile(s, i + 1 < tiles ? i + 1 : 0));
      attend_tile(s, QueryTile(s, i), block, a.scale * kLog2E);
      for (; packed < next.chunks() * (i + 1) / tiles; ++packed) pack_chunk(a, s, next, packed);
    }
  }
  finish_queries(a, s);
}

template <class Operands>
std::int64_t attention_key_block(std::int64_t head_dim, std::int64_t l2_bytes) noexcept {
  const std::int64_t bytes_per_key = 2 * round_up(head_dim, kLanes) * 4 / Operands::kGroup;
  const std::int64_t fit = l2_bytes / 4 / bytes_per_key / kColumnTile * kColumnTile;
  return fit < kColumnTile ? kColumnTile : fit < kMaxKeyBlock ? fit : kMaxKeyBlock;
}

template <class Operands>
constexpr AttentionKernel kAttentionWith{.run = &attention_run<Operands>,
                                         .scratch_bytes = &attention_scratch_bytes<Operands>,
                                         .row_tile = kRowTile,
                                         .row_block = kRowBlock,
                                         .key_block = &attention_key_block<Operands>};

}  // namespace
}  // namespace sapiens::kernels
