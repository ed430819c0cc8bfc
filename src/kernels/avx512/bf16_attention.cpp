// Attention with bf16 products, sums and softmax in fp32 (AVX-512 BF16). Products of bf16 numbers
// are exact, but the instruction takes denormals for 0. The weights are rounded to bf16 and summed
// as rounded, so that those of a row add up to 1.

// clang-format off: the kernels use the vector functions, which must come first
#include "kernels/avx512/vector.hpp"
// clang-format on

#include "kernels/kernel_table.hpp"
#include "kernels/simd/attention.hpp"

namespace sapiens::kernels {
namespace {

// q, k, v and y are Bf16. A group is two numbers, the first in the lower half.
struct Bf16Operands {
  static constexpr std::int64_t kGroup = 2;

  static Vec dimensions(const void* row, ActivationType, std::int64_t first,
                        std::int64_t n) noexcept {
    const std::int64_t left = n - first < 32 ? n - first : 32;
    const auto mask = static_cast<__mmask32>((std::uint64_t{1} << left) - 1);
    return _mm512_castsi512_ps(
        _mm512_maskz_loadu_epi16(mask, static_cast<const std::uint16_t*>(row) + first));
  }

  static Vec values(const void* v, ActivationType, std::int64_t stride, std::int64_t n,
                    std::int64_t keys) noexcept {
    const auto widened = [](const std::uint16_t* x, std::int64_t count) {
      return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first_lanes(count), x));
    };
    const auto* const first = static_cast<const std::uint16_t*>(v);
    const __m512i second = widened(first + stride, keys > 1 ? n : 0);
    return _mm512_castsi512_ps(_mm512_or_si512(widened(first, n), _mm512_slli_epi32(second, 16)));
  }

  static Vec multiply_add(Vec a, Vec b, Vec sum) noexcept {
    return _mm512_dpbf16_ps(sum, as_bf16(a), as_bf16(b));
  }

  // The minimax polynomial of degree 3 for 2^f on [0, 1): a relative error of 7.5e-5, where
  // rounding to bf16 has up to 4e-3. The result is 0 below 2^-149.
  static Vec exp2(Vec x) noexcept {
    constexpr int kMinusFloor = 0x9;
    const Vec f = _mm512_reduce_ps(x, kMinusFloor);
    Vec p = broadcast(0.07802452f);
    p = fma(p, f, broadcast(0.22606716f));
    p = fma(p, f, broadcast(0.69583356f));
    p = fma(p, f, broadcast(0.99992520f));
    return _mm512_scalef_ps(p, x);
  }

  static Vec store_weights(float* p, const Vec (&w)[kColumnVecs], Vec sum) noexcept {
    const __m512bh rounded = _mm512_cvtne2ps_pbh(w[1], w[0]);
    _mm512_storeu_si512(p, reinterpret_cast<__m512i>(rounded));
    const Vec ones = _mm512_castsi512_ps(_mm512_set1_epi32(0x3f803f80));
    return _mm512_dpbf16_ps(sum, rounded, as_bf16(ones));
  }

  static Vec scaled(Vec weights, Vec power_of_two) noexcept {
    const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000));
    const __m512i bits = _mm512_castps_si512(weights);
    const auto times_power = [&](__m512i x) {
      return _mm512_castps_si512(mul(_mm512_castsi512_ps(x), power_of_two));
    };
    const __m512i first = times_power(_mm512_slli_epi32(bits, 16));
    const __m512i second = times_power(_mm512_and_si512(bits, upper));
    return _mm512_castsi512_ps(
        _mm512_or_si512(_mm512_srli_epi32(first, 16), _mm512_and_si512(second, upper)));
  }

 private:
  static __m512bh as_bf16(Vec v) noexcept { return reinterpret_cast<__m512bh>(v); }
};

}  // namespace

void install_avx512_bf16_attention(KernelTable& table) noexcept {
  table.attention_bf16 = kAttentionWith<Bf16Operands>;
}

}  // namespace sapiens::kernels
