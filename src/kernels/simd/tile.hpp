// What linear layers and attention share: a register tile of products, and transposition.
// Included after a vector.hpp.
#pragma once

#include <cstdint>

#include "kernels/simd/numbers.hpp"

namespace sapiens::kernels {
namespace {

constexpr int kColumnTile = kColumnVecs * kLanes;

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) noexcept { return (a + b - 1) / b; }
constexpr std::int64_t round_up(std::int64_t a, std::int64_t unit) noexcept {
  return ceil_div(a, unit) * unit;
}

// How many rows take half of L2 where a tile of them takes `tile_dwords`; blocks of more than half
// a mebibyte gain nothing.
constexpr std::int64_t rows_in_half(std::int64_t l2_bytes, std::int64_t tile_dwords) noexcept {
  constexpr std::int64_t kMaxBytes = std::int64_t{1} << 19;
  const std::int64_t bytes = l2_bytes / 2 < kMaxBytes ? l2_bytes / 2 : kMaxBytes;
  const std::int64_t tiles = bytes / (4 * tile_dwords);
  return (tiles > 0 ? tiles : 1) * kRowTile;
}

template <int kVecs>
struct Tile {
  Vec sum[kRowTile][kVecs];
};

template <int kVecs>
[[gnu::always_inline]] inline void clear(Tile<kVecs>& tile) noexcept {
#pragma GCC unroll 16
  for (int r = 0; r < kRowTile; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) tile.sum[r][v] = zero();
  }
}

template <int kVecs>
[[gnu::always_inline]] inline void store(float* y, std::int64_t stride,
                                         const Tile<kVecs>& tile) noexcept {
#pragma GCC unroll 16
  for (int r = 0; r < kRowTile; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) store(y + r * stride + v * kLanes, tile.sum[r][v]);
  }
}

// Memory to prefetch into L2 while a tile is summed, a little in every step: the weights of the
// next panel, `step` bytes per step, and the rows of y that the tile is written to. Without this
// the tile would wait for memory at its end, and a burst of prefetches would evict its operands.
struct Ahead {
  Ahead(const void* next_weights, std::int64_t bytes_per_step) noexcept
      : weights(static_cast<const char*>(next_weights)), step(bytes_per_step) {}

  // Prefetches `rows` rows of y during the next `steps` steps.
  void aim(const void* y_tile, std::int64_t stride_bytes, std::int64_t rows,
           std::int64_t steps) noexcept {
    y = static_cast<const char*>(y_tile);
    y_stride = stride_bytes;
    rows_per_step = (rows << kShift) / steps;
  }

  [[gnu::always_inline]] void fetch(std::int64_t i) const noexcept {
    __builtin_prefetch(weights + i * step, 0, 2);
    const char* const row = y + (i * rows_per_step >> kShift) * y_stride;
    __builtin_prefetch(row, 1, 2);
    __builtin_prefetch(row + 64, 1, 2);
  }

  void advance(std::int64_t steps) noexcept { weights += steps * step; }

  static constexpr int kShift = 16;  // rows_per_step is a fixed-point fraction
  const char *weights, *y = nullptr;
  std::int64_t step, y_stride = 0, rows_per_step = 0;
};

// tile += a b over k steps: a is [kRowTile, k] with rows kAStride apart, b is [k, kVecs * kLanes]
// with rows b_stride apart. kAStride is a constant, so that all rows share one address register; it
// should be an odd number of cache lines, or the rows of a fight for the same sets of the L1 cache.
//
// All operands come from L2 at the latest: with 28 (12) multiply-adds per step there is one load
// for about two of them, and the out-of-order window covers the latency of L2.
template <int kAStride, int kVecs>
[[gnu::always_inline]] inline void multiply(Tile<kVecs>& tile, const float* a, const float* b,
                                            std::int64_t b_stride, std::int64_t k,
                                            const Ahead& ahead) noexcept {
  for (std::int64_t i = 0; i < k; ++i) {
    ahead.fetch(i);
    Vec row_of_b[kVecs];
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) row_of_b[v] = load(b + i * b_stride + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRowTile; ++r) {
      const Vec from_a = broadcast(a[r * kAStride + i]);
#pragma GCC unroll 4
      for (int v = 0; v < kVecs; ++v) {
        tile.sum[r][v] = fma(from_a, row_of_b[v], tile.sum[r][v]);
      }
    }
  }
}

}  // namespace
}  // namespace sapiens::kernels
