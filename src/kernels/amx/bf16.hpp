// bf16 numbers 32 at a time, as they lie in memory. Included after avx512/vector.hpp.
#pragma once

#include <cstdint>

namespace sapiens::kernels {
namespace {

inline __mmask32 first_numbers(std::int64_t n) noexcept {
  return n >= 32 ? ~__mmask32{0} : n <= 0 ? __mmask32{0} : (__mmask32{1} << n) - 1;
}

// The first n numbers, 0 behind them.
inline __m512i load_32(const void* numbers, std::int64_t n) noexcept {
  return n < 32 ? _mm512_maskz_loadu_epi16(first_numbers(n), numbers) : _mm512_loadu_si512(numbers);
}

// The largest magnitude of bf16 numbers, as their bits: infinity is larger than all numbers, NaN
// larger than that.
class Largest {
 public:
  void add(__m512i numbers) noexcept {
    const __m512i magnitudes = _mm512_and_si512(numbers, _mm512_set1_epi16(0x7FFF));
    bits_ = _mm512_max_epu16(bits_, magnitudes);
  }
  float value() const noexcept {
    const __m512i even = _mm512_and_si512(bits_, _mm512_set1_epi32(0xFFFF));
    const __m512i pairs = _mm512_max_epu32(even, _mm512_srli_epi32(bits_, 16));
    const std::uint32_t bits = _mm512_reduce_max_epu32(pairs) << 16;
    return __builtin_bit_cast(float, bits);
  }

 private:
  __m512i bits_ = _mm512_setzero_si512();
};

// Rounds 32 products to 16-bit integers.
inline __m512i scaled_integers(__m512i numbers, Vec factor) noexcept {
  const Vec even = _mm512_castsi512_ps(_mm512_slli_epi32(numbers, 16));
  const Vec odd = _mm512_castsi512_ps(
      _mm512_and_si512(numbers, _mm512_set1_epi32(static_cast<int>(0xFFFF0000))));
  const __m512i even_integers = _mm512_cvtps_epi32(mul(even, factor));
  const __m512i odd_integers = _mm512_cvtps_epi32(mul(odd, factor));
  constexpr __mmask32 kOdd = 0xAAAAAAAA;
  return _mm512_mask_blend_epi16(kOdd, even_integers, _mm512_slli_epi32(odd_integers, 16));
}

// Converts 64 numbers to bytes, in order.
inline __m512i quantise_bf16(__m512i low, __m512i high, Vec inverse) noexcept {
  const __m512i by_lanes =
      _mm512_packs_epi16(scaled_integers(low, inverse), scaled_integers(high, inverse));
  return _mm512_permutexvar_epi64(_mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0), by_lanes);
}

}  // namespace
}  // namespace sapiens::kernels
