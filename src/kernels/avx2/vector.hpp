// The vector vocabulary of src/kernels/simd in AVX2 and FMA. See avx512/vector.hpp for what each
// function promises and why the namespace is anonymous.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace sapiens::kernels {
namespace {

using Vec = __m256;
using Ints = __m256i;  // 32 bits per lane
constexpr int kLanes = 8;

// 6 x 2 sums, 2 vectors of B and one broadcast of A: 15 of 16 registers.
constexpr int kRowTile = 6;
constexpr int kColumnVecs = 2;

// A window of 8 ints into this table is a mask of n lanes.
alignas(64) constexpr std::int32_t kMaskWindow[2 * kLanes] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                                              0,  0,  0,  0,  0,  0,  0,  0};
inline __m256i first_lanes(std::int64_t n) noexcept {
  const std::int64_t kept = n >= kLanes ? kLanes : n > 0 ? n : 0;
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMaskWindow + kLanes - kept));
}

inline Vec abs(Vec a) noexcept { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
inline Vec zero() noexcept { return _mm256_setzero_ps(); }
inline Vec broadcast(float x) noexcept { return _mm256_set1_ps(x); }
inline Vec load(const float* p) noexcept { return _mm256_loadu_ps(p); }
inline void store(float* p, Vec v) noexcept { _mm256_storeu_ps(p, v); }

// Whole vectors are loaded without a mask, and stored likewise, because AMD's masked stores are
// slow.
inline Vec load_first(const float* p, std::int64_t n) noexcept {
  if (n >= kLanes) return load(p);
  return _mm256_maskload_ps(p, first_lanes(n));
}
inline void store_first(float* p, Vec v, std::int64_t n) noexcept {
  if (n >= kLanes) return store(p, v);
  _mm256_maskstore_ps(p, first_lanes(n), v);
}

// AVX2 has no masks for 16-bit numbers: a short row goes through a buffer.
inline Vec load_first_bf16(const std::uint16_t* p, std::int64_t n) noexcept {
  alignas(16) std::uint16_t buffer[kLanes] = {};
  if (n < kLanes) {
    for (std::int64_t i = 0; i < n; ++i) buffer[i] = p[i];
    p = buffer;
  }
  const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
inline __m256i round_to_bf16(Vec v) noexcept {
  const __m256i bits = _mm256_castps_si256(v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  return _mm256_blendv_epi8(_mm256_add_epi32(bits, half), quiet, nan);
}
inline void store_first_bf16(std::uint16_t* p, Vec v, std::int64_t n) noexcept {
  const __m256i bits = _mm256_srli_epi32(round_to_bf16(v), 16);
  const __m128i packed =
      _mm_packus_epi32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
  if (n >= kLanes) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
    return;
  }
  alignas(16) std::uint16_t buffer[kLanes];
  _mm_store_si128(reinterpret_cast<__m128i*>(buffer), packed);
  for (std::int64_t i = 0; i < n; ++i) p[i] = buffer[i];
}

inline Vec pack_bf16(Vec a, Vec b) noexcept {
  const __m256i low = _mm256_srli_epi32(round_to_bf16(a), 16);
  const __m256i high = _mm256_srli_epi32(round_to_bf16(b), 16);
  return _mm256_castsi256_ps(_mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xD8));
}
inline Vec pack_f16(Vec a, Vec b) noexcept {
  const __m128i low = _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT);
  const __m128i high = _mm256_cvtps_ph(b, _MM_FROUND_TO_NEAREST_INT);
  return _mm256_castsi256_ps(_mm256_set_m128i(high, low));
}
inline Vec pack_s8(Vec a, Vec b, Vec c, Vec d) noexcept {
  const __m256i ab = _mm256_packs_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b));
  const __m256i cd = _mm256_packs_epi32(_mm256_cvtps_epi32(c), _mm256_cvtps_epi32(d));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i all = _mm256_packs_epi16(ab, cd);
  return _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(all, order));
}

inline Ints no_ints() noexcept { return _mm256_setzero_si256(); }
inline Ints add_s8(Ints sum, Vec bytes) noexcept {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), _mm256_castps_si256(bytes));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
inline Ints times_minus_128(Ints a) noexcept {
  return _mm256_slli_epi32(_mm256_sub_epi32(no_ints(), a), 7);
}
inline void store_first(std::int32_t* p, Ints v, std::int64_t n) noexcept {
  _mm256_maskstore_epi32(p, first_lanes(n), v);
}

inline Vec max_magnitude(Vec so_far, Vec v) noexcept {
  const __m256i a = _mm256_castps_si256(so_far), b = _mm256_castps_si256(abs(v));
  return _mm256_castsi256_ps(_mm256_max_epi32(a, b));
}
inline float largest_magnitude(Vec v) noexcept {
  const __m256i bits = _mm256_castps_si256(abs(v));
  __m128i m = _mm_max_epi32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4E));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0xB1));
  return _mm_cvtss_f32(_mm_castsi128_ps(m));
}

inline Vec keep_first(Vec v, Vec rest, std::int64_t n) noexcept {
  return _mm256_blendv_ps(rest, v, _mm256_castsi256_ps(first_lanes(n)));
}

inline Vec add(Vec a, Vec b) noexcept { return _mm256_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) noexcept { return _mm256_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) noexcept { return _mm256_mul_ps(a, b); }
inline Vec div(Vec a, Vec b) noexcept { return _mm256_div_ps(a, b); }
inline Vec sqrt(Vec a) noexcept { return _mm256_sqrt_ps(a); }
// A division, because the instruction for this is too imprecise in AVX2 and its result differs
// between CPUs.
inline Vec rough_reciprocal(Vec a) noexcept { return div(_mm256_set1_ps(1.0f), a); }
inline Vec fma(Vec a, Vec b, Vec c) noexcept { return _mm256_fmadd_ps(a, b, c); }
inline Vec max(Vec a, Vec b) noexcept { return _mm256_max_ps(a, b); }
inline Vec round(Vec a) noexcept {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline Vec by_sign(Vec x, Vec negative, Vec positive) noexcept {
  return _mm256_blendv_ps(positive, negative, x);
}

// Adds n to the exponent field, so n and x have to leave the result normal.
constexpr float kMinExponent = -125.0f;
inline Vec scale_by_power(Vec x, Vec n) noexcept {
  const __m256i shift = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), shift));
}

inline Ints load(const std::int32_t* p) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline void store(std::int32_t* p, Ints v) noexcept {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
}
inline Ints broadcast(std::int32_t x) noexcept { return _mm256_set1_epi32(x); }
inline Ints as_ints(Vec v) noexcept { return _mm256_castps_si256(v); }
inline Vec as_floats(Ints v) noexcept { return _mm256_castsi256_ps(v); }
inline Vec lower_bf16(Vec pairs) noexcept {
  return as_floats(_mm256_slli_epi32(as_ints(pairs), 16));
}
inline Vec upper_bf16(Vec pairs) noexcept {
  return as_floats(_mm256_and_si256(as_ints(pairs), _mm256_set1_epi32(-0x10000)));
}
inline __m128i lower_halves(Ints v) noexcept {
  const __m256i words = _mm256_and_si256(v, _mm256_set1_epi32(0xffff));
  return _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}
inline Vec lower_f16(Vec pairs) noexcept { return _mm256_cvtph_ps(lower_halves(as_ints(pairs))); }
inline Vec upper_f16(Vec pairs) noexcept {
  return _mm256_cvtph_ps(lower_halves(_mm256_srli_epi32(as_ints(pairs), 16)));
}
inline Vec to_floats(Vec v) noexcept { return v; }
inline Vec to_floats(Ints v) noexcept { return _mm256_cvtepi32_ps(v); }

inline Ints even_bytes(Ints v) noexcept { return _mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8); }
inline Ints odd_bytes(Ints v) noexcept { return _mm256_srai_epi16(v, 8); }
inline Ints plus_128(Ints v) noexcept { return _mm256_xor_si256(v, _mm256_set1_epi8(-128)); }

inline Ints add_pairs(Ints sum, Ints a, Ints b) noexcept {
  sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
  asm("" : "+x"(sum));
  return sum;
}

inline float sum_lanes(Vec a) noexcept {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
inline float max_lanes(Vec a) noexcept {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}
inline bool any_above(Vec v, float limit) noexcept {
  return _mm256_movemask_ps(_mm256_cmp_ps(v, broadcast(limit), _CMP_GT_OQ)) != 0;
}

inline void transpose(Vec (&rows)[kLanes]) noexcept {
  __m256 t[kLanes];
#pragma GCC unroll 4
  for (int i = 0; i < kLanes; i += 2) {
    t[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < kLanes; i += 4) {
    rows[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    rows[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
    rows[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    rows[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm256_permute2f128_ps(rows[i], rows[i + 4], 0x20);
    t[i + 4] = _mm256_permute2f128_ps(rows[i], rows[i + 4], 0x31);
  }
#pragma GCC unroll 8
  for (int i = 0; i < kLanes; ++i) rows[i] = t[i];
}

}  // namespace
}  // namespace sapiens::kernels
