// Keys, values and queries of one head as tiles. Included after avx512/vector.hpp.
//
// 32 keys make a unit. As B of q k^T a unit is [dims / 32][16 pairs of dims][32 keys][2]; as B of
// p v it is one step, [16 pairs of keys][32 or 16 dims][2], in panels of 32 dims of which the last
// may have 16. Keys, dims and queries are padded with 0.
#pragma once

#include "kernels/amx/bf16.hpp"
#include "kernels/amx/tiles.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/simd/tile.hpp"

namespace sapiens::kernels {
namespace {

constexpr std::int64_t kUnit = 32;

// Softmax writes the weights of a unit in the order that results from packing the dwords of two
// tiles lane by lane (packs_epi32): position 8 l + 4 h + e belongs to key 16 h + 4 l + e.
constexpr std::int64_t key_at(std::int64_t position) noexcept {
  return (position >> 2 & 1) * 16 + (position >> 3) * 4 + (position & 3);
}

// Numbers [first, first + 32) of a row, 0 behind its end; all 0 for no row.
inline __m512i load_dims(const AttentionArgs& a, const void* rows, std::int64_t row,
                         std::int64_t end_row, std::int64_t first) noexcept {
  if (row >= end_row) return _mm512_setzero_si512();
  return load_32(at(rows, ActivationType::Bf16, row * a.stride + first), a.head_dim - first);
}

// Returns the largest magnitude.
inline float pack_keys(const AttentionArgs& a, std::int64_t steps, char* packed) noexcept {
  Largest largest;
  for (std::int64_t t = 0; t < round_up(a.tokens, kUnit); t += kTileRows) {
    for (std::int64_t step = 0; step < steps; ++step) {
      Vec pairs[kLanes];
      for (int r = 0; r < kLanes; ++r) {
        const __m512i dims = load_dims(a, a.k, t + r, a.tokens, 32 * step);
        largest.add(dims);
        pairs[r] = _mm512_castsi512_ps(dims);
      }
      transpose(pairs);
      char* const to =
          packed + (t / kUnit * steps + step) * kStepOfB + t % kUnit / kTileRows * kRowBytes;
      for (int pair = 0; pair < kLanes; ++pair) _mm512_store_ps(to + 128 * pair, pairs[pair]);
    }
  }
  return largest.value();
}

alignas(64) constexpr std::uint16_t kInterleave[2][32] = {
    {0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
     8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47},
    {16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55,
     24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63}};

// One panel: 32 dims from `first` on, or 16. Returns the largest magnitude.
inline float pack_values(const AttentionArgs& a, std::int64_t first, std::int64_t columns,
                         char* packed) noexcept {
  const __m512i low = _mm512_load_si512(kInterleave[0]), high = _mm512_load_si512(kInterleave[1]);
  Largest largest;
  for (std::int64_t t = 0; t < round_up(a.tokens, kUnit); t += kUnit) {
    for (std::int64_t pair = 0; pair < kTileRows; ++pair, packed += 4 * columns) {
      const std::int64_t key = t + key_at(2 * pair);
      const __m512i even = load_dims(a, a.v, key, a.tokens, first);
      const __m512i odd = load_dims(a, a.v, key + 1, a.tokens, first);
      largest.add(even);
      largest.add(odd);
      _mm512_store_si512(packed, _mm512_permutex2var_epi16(even, low, odd));
      if (columns == 16) continue;
      _mm512_store_si512(packed + 64, _mm512_permutex2var_epi16(even, high, odd));
    }
  }
  return largest.value();
}

// One query as a row of A tiles. Returns the largest magnitude.
inline float pack_query(const AttentionArgs& a, std::int64_t row, std::int64_t steps,
                        char* packed) noexcept {
  Largest largest;
  for (std::int64_t step = 0; step < steps; ++step) {
    const __m512i dims = load_dims(a, a.q, row, a.rows, 32 * step);
    largest.add(dims);
    _mm512_store_si512(packed + step * kTileBytes, dims);
  }
  return largest.value();
}

}  // namespace
}  // namespace sapiens::kernels
