// bf16 dot products of AVX-512.
// clang-format off: the kernels use the vector functions, which must come first
#include "kernels/avx512/vector.hpp"
// clang-format on

#include "kernels/kernel_table.hpp"
#include "kernels/simd/dot_linear.hpp"

namespace sapiens::kernels {
namespace {

// The instructions take denormal operands as 0 and make 0 of denormal sums.
struct Bf16Dots {
  using Format = Bf16Pairs;
  using Sum = Vec;
  static constexpr int kParts = 1;
  static constexpr bool kFromStarts = false;

  static Vec encode(const void* x, ActivationType type, std::int64_t n, Vec) noexcept {
    if (type == ActivationType::Bf16) {
      const auto mask = static_cast<__mmask32>(first_lanes(n) | first_lanes(n - kLanes) << kLanes);
      return _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(mask, x));
    }
    const float* const numbers = static_cast<const float*>(x);
    const Vec low = load_first(numbers, n), high = load_first(numbers + kLanes, n - kLanes);
    return _mm512_castsi512_ps(reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)));
  }
  static Ints x_part(Ints x, int) noexcept { return x; }
  static Ints w_part(Ints w, int) noexcept { return w; }
  static Vec dot(Vec sum, Ints x, Ints w) noexcept {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(w));
  }
};

}  // namespace

void install_avx512_bf16(KernelTable& table) noexcept {
  table.linear_bf16 = dot_linear<Bf16Dots>();
  table.fast_bf16 = true;
}

}  // namespace sapiens::kernels
