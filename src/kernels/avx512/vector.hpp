// The vector vocabulary of src/kernels/simd in AVX-512 (F, BW, DQ, VL). Everything is in an
// anonymous namespace: an inline function with external linkage might become the whole program's
// copy and carry these instructions to CPUs that lack them.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace sapiens::kernels {
namespace {

using Vec = __m512;
using Ints = __m512i;  // 32 bits per lane
constexpr int kLanes = 16;

// 14 x 2 sums, 2 vectors of B and one broadcast of A: 31 of 32 registers.
constexpr int kRowTile = 14;
constexpr int kColumnVecs = 2;

inline __mmask16 first_lanes(std::int64_t n) noexcept {
  return n >= kLanes ? __mmask16{0xFFFF} : static_cast<__mmask16>((1u << (n > 0 ? n : 0)) - 1);
}

inline Vec abs(Vec a) noexcept { return _mm512_abs_ps(a); }
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
// The upper half of each lane is the number as bf16; the lower half means nothing.
inline __m512i round_to_bf16(Vec v) noexcept {
  const __m512i bits = _mm512_castps_si512(v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
  const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
  const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  return _mm512_mask_mov_epi32(_mm512_add_epi32(bits, half), nan, quiet);
}
inline void store_first_bf16(std::uint16_t* p, Vec v, std::int64_t n) noexcept {
  const __m512i bits = _mm512_srli_epi32(round_to_bf16(v), 16);
  _mm256_mask_storeu_epi16(p, first_lanes(n), _mm512_cvtepi32_epi16(bits));
}

// 2 (4) vectors of consecutive numbers become kLanes pairs (quadruples) of 16-bit (8-bit) numbers,
// in order. Integers are rounded to nearest even and saturate.
alignas(64) constexpr std::uint16_t kUpperHalves[2 * kLanes] = {
    1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
    33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
inline Vec pack_bf16(Vec a, Vec b) noexcept {
  const __m512i order = _mm512_load_si512(kUpperHalves);
  return _mm512_castsi512_ps(_mm512_permutex2var_epi16(round_to_bf16(a), order, round_to_bf16(b)));
}
inline Vec pack_f16(Vec a, Vec b) noexcept {
  const __m256i low = _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m256i high = _mm512_cvtps_ph(b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return _mm512_castsi512_ps(_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1));
}
inline __m128i to_s8(Vec v) noexcept { return _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(v)); }
inline Vec pack_s8(Vec a, Vec b, Vec c, Vec d) noexcept {
  __m512i all = _mm512_castsi128_si512(to_s8(a));
  all = _mm512_inserti32x4(all, to_s8(b), 1);
  all = _mm512_inserti32x4(all, to_s8(c), 2);
  return _mm512_castsi512_ps(_mm512_inserti32x4(all, to_s8(d), 3));
}

inline Ints no_ints() noexcept { return _mm512_setzero_si512(); }
// Adds the 4 signed bytes of each lane to its sum.
inline Ints add_s8(Ints sum, Vec bytes) noexcept {
  const __m512i pairs = _mm512_maddubs_epi16(_mm512_set1_epi8(1), _mm512_castps_si512(bytes));
  return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}
inline Ints times_minus_128(Ints a) noexcept {
  return _mm512_slli_epi32(_mm512_sub_epi32(no_ints(), a), 7);
}
inline void store_first(std::int32_t* p, Ints v, std::int64_t n) noexcept {
  _mm512_mask_storeu_epi32(p, first_lanes(n), v);
}

// The larger magnitude, by its bits: infinity is larger than all numbers, NaN larger than that.
inline Vec max_magnitude(Vec so_far, Vec v) noexcept {
  const __m512i a = _mm512_castps_si512(so_far), b = _mm512_castps_si512(abs(v));
  return _mm512_castsi512_ps(_mm512_max_epi32(a, b));
}
// Returns the magnitude of one lane.
inline float largest_magnitude(Vec v) noexcept {
  return _mm_cvtss_f32(
      _mm_castsi128_ps(_mm_cvtsi32_si128(_mm512_reduce_max_epi32(_mm512_castps_si512(abs(v))))));
}

// v in the first n lanes, `rest` behind them.
inline Vec keep_first(Vec v, Vec rest, std::int64_t n) noexcept {
  return _mm512_mask_blend_ps(first_lanes(n), rest, v);
}

inline Vec add(Vec a, Vec b) noexcept { return _mm512_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) noexcept { return _mm512_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) noexcept { return _mm512_mul_ps(a, b); }
inline Vec div(Vec a, Vec b) noexcept { return _mm512_div_ps(a, b); }
inline Vec sqrt(Vec a) noexcept { return _mm512_sqrt_ps(a); }
// 1 / a, with a relative error of 6e-5.
inline Vec rough_reciprocal(Vec a) noexcept { return _mm512_rcp14_ps(a); }
inline Vec fma(Vec a, Vec b, Vec c) noexcept { return _mm512_fmadd_ps(a, b, c); }
// A NaN in b is returned.
inline Vec max(Vec a, Vec b) noexcept { return _mm512_max_ps(a, b); }
inline Vec round(Vec a) noexcept { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT); }
// `negative` where the sign bit of x is set, else `positive`.
inline Vec by_sign(Vec x, Vec negative, Vec positive) noexcept {
  return _mm512_mask_blend_ps(_mm512_movepi32_mask(_mm512_castps_si512(x)), positive, negative);
}

// x 2^n for whole n. From kMinExponent down the result is denormal or 0.
constexpr float kMinExponent = -160.0f;
inline Vec scale_by_power(Vec x, Vec n) noexcept { return _mm512_scalef_ps(x, n); }

inline Ints load(const std::int32_t* p) noexcept { return _mm512_loadu_si512(p); }
inline void store(std::int32_t* p, Ints v) noexcept { _mm512_storeu_si512(p, v); }
inline Ints broadcast(std::int32_t x) noexcept { return _mm512_set1_epi32(x); }
inline Ints as_ints(Vec v) noexcept { return _mm512_castps_si512(v); }
inline Vec as_floats(Ints v) noexcept { return _mm512_castsi512_ps(v); }
// The first and the second number of each pair.
inline Vec lower_bf16(Vec pairs) noexcept {
  return as_floats(_mm512_slli_epi32(as_ints(pairs), 16));
}
inline Vec upper_bf16(Vec pairs) noexcept {
  return as_floats(_mm512_and_si512(as_ints(pairs), _mm512_set1_epi32(-0x10000)));
}
inline __m256i lower_halves(Ints v) noexcept { return _mm512_cvtepi32_epi16(v); }
inline Vec lower_f16(Vec pairs) noexcept { return _mm512_cvtph_ps(lower_halves(as_ints(pairs))); }
inline Vec upper_f16(Vec pairs) noexcept {
  return _mm512_cvtph_ps(lower_halves(_mm512_srli_epi32(as_ints(pairs), 16)));
}
inline Vec to_floats(Vec v) noexcept { return v; }
inline Vec to_floats(Ints v) noexcept { return _mm512_cvtepi32_ps(v); }

// Operations on the signed bytes of a lane: two of them as 16-bit numbers, all plus 128.
inline Ints even_bytes(Ints v) noexcept { return _mm512_srai_epi16(_mm512_slli_epi16(v, 8), 8); }
inline Ints odd_bytes(Ints v) noexcept { return _mm512_srai_epi16(v, 8); }
inline Ints plus_128(Ints v) noexcept { return _mm512_xor_si512(v, _mm512_set1_epi8(-128)); }
// sum + a b for the pairs of 16-bit numbers in each lane.
inline Ints add_pairs(Ints sum, Ints a, Ints b) noexcept {
  sum = _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
  // Without this, GCC adds up products before it adds them to the sum, and spills the sums for
  // that.
  asm("" : "+v"(sum));
  return sum;
}

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
