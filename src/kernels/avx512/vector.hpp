// The vector vocabulary of src/kernels/simd in AVX-512 (F, BW, DQ, VL). Everything is in an
// anonymous namespace: an inline function with external linkage might become the whole program's
// copy and carry these instructions to CPUs that lack them.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace sapiens::kernels {
namespace {

using Vec = __m512;
constexpr int kLanes = 16;

// 14 x 2 sums, 2 vectors of B and one broadcast of A: 31 of 32 registers.
constexpr int kRowTile = 14;
constexpr int kColumnVecs = 2;

inline __mmask16 first_lanes(std::int64_t n) noexcept {
  return n >= kLanes ? __mmask16{0xFFFF} : static_cast<__mmask16>((1u << (n > 0 ? n : 0)) - 1);
}

inline Vec zero() noexcept { return _mm512_setzero_ps(); }
inline Vec broadcast(float x) noexcept { return _mm512_set1_ps(x); }
inline Vec load(const float* p) noexcept { return _mm512_loadu_ps(p); }
inline void store(float* p, Vec v) noexcept { _mm512_storeu_ps(p, v); }

// The first n lanes, none if n <= 0 and all if n >= kLanes. Lanes not loaded are 0; memory behind
// them is not touched.
inline Vec load_first(const float* p, std::int64_t n) noexcept {
  return _mm512_maskz_loadu_ps(first_lanes(n), p);
}
inline void store_first(float* p, Vec v, std::int64_t n) noexcept {
  _mm512_mask_storeu_ps(p, first_lanes(n), v);
}

// bf16 in memory, float in registers. Rounds to nearest even; NaN stays NaN.
inline Vec load_first_bf16(const std::uint16_t* p, std::int64_t n) noexcept {
  const __m512i bits = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first_lanes(n), p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
}
inline void store_first_bf16(std::uint16_t* p, Vec v, std::int64_t n) noexcept {
  const __m512i bits = _mm512_castps_si512(v);
  const __m512i upper = _mm512_srli_epi32(bits, 16);
  const __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
  const __m512i half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
  const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, half), 16);
  const __m512i quiet = _mm512_or_si512(upper, _mm512_set1_epi32(0x40));
  const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  const __m512i result = _mm512_mask_mov_epi32(rounded, nan, quiet);
  _mm256_mask_storeu_epi16(p, first_lanes(n), _mm512_cvtepi32_epi16(result));
}

// v in the first n lanes, `rest` behind them.
inline Vec keep_first(Vec v, Vec rest, std::int64_t n) noexcept {
  return _mm512_mask_blend_ps(first_lanes(n), rest, v);
}

inline Vec add(Vec a, Vec b) noexcept { return _mm512_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) noexcept { return _mm512_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) noexcept { return _mm512_mul_ps(a, b); }
inline Vec div(Vec a, Vec b) noexcept { return _mm512_div_ps(a, b); }
inline Vec fma(Vec a, Vec b, Vec c) noexcept { return _mm512_fmadd_ps(a, b, c); }
// A NaN in b comes out.
inline Vec max(Vec a, Vec b) noexcept { return _mm512_max_ps(a, b); }
inline Vec abs(Vec a) noexcept { return _mm512_abs_ps(a); }
inline Vec round(Vec a) noexcept { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT); }
// `negative` where the sign bit of x is set, else `positive`.
inline Vec by_sign(Vec x, Vec negative, Vec positive) noexcept {
  return _mm512_mask_blend_ps(_mm512_movepi32_mask(_mm512_castps_si512(x)), positive, negative);
}

// x 2^n for whole n. From kLeastExponent down the result is denormal or 0.
constexpr float kLeastExponent = -160.0f;
inline Vec scale_by_power(Vec x, Vec n) noexcept { return _mm512_scalef_ps(x, n); }

inline float sum_lanes(Vec a) noexcept { return _mm512_reduce_add_ps(a); }
inline float max_lanes(Vec a) noexcept { return _mm512_reduce_max_ps(a); }
inline bool any_above(Vec v, float limit) noexcept {
  return _mm512_cmp_ps_mask(v, broadcast(limit), _CMP_GT_OQ) != 0;
}

// Row i becomes column i.
inline void transpose(Vec (&rows)[kLanes]) noexcept {
  __m512 t[kLanes];
#pragma GCC unroll 8
  for (int i = 0; i < kLanes; i += 2) {
    t[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kLanes; i += 4) {
    rows[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
    rows[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xEE);
    rows[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    rows[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0xDD);
    t[i + 8] = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0xDD);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    rows[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    rows[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xDD);
    rows[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
    rows[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xDD);
  }
}

}  // namespace
}  // namespace sapiens::kernels
