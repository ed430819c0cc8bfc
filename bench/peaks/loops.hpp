// Loops of nothing but multiplications and additions in registers. Included behind a vector.hpp.
#pragma once

#include <cstdint>

namespace sapiens::kernels {
namespace {

// More chains than latency (4 cycles) times pipelines (2) of the CPUs of the last ten years. Dots
// take longer; 20 chains leave 12 of 32 registers for operands.
constexpr int kFmaChains = 10;
constexpr int kDotChains = kLanes == 16 ? 20 : 10;

std::int64_t peak_f32(std::int64_t steps) noexcept {
  Vec sum[kFmaChains];
  for (Vec& s : sum) s = zero();
  Vec factor = broadcast(0.5f);
  const Vec one = broadcast(1.0f);
  for (std::int64_t step = 0; step < steps; ++step) {
    asm volatile("" : "+x"(factor));  // or the compiler might compute the sums ahead of time
#pragma GCC unroll 16
    for (int i = 0; i < kFmaChains; ++i) sum[i] = fma(sum[i], factor, one);
  }
  for (Vec& s : sum) asm volatile("" : "+x"(s));
  return steps * kFmaChains * kLanes * 2;
}

// `Dots` has a type `Sum`, `dot(sum, x, w)`, and the products that this adds to each 32-bit lane.
template <class Dots>
std::int64_t peak_dots(std::int64_t steps) noexcept {
  typename Dots::Sum sum[kDotChains] = {};
  Ints x = broadcast(std::int32_t{0x01010101}), w = x;
  for (std::int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 32
    for (int i = 0; i < kDotChains; ++i) {
      asm volatile("" : "+x"(x), "+x"(w));  // or a product might be computed once for all chains
      sum[i] = Dots::dot(sum[i], x, w);
    }
  }
  for (auto& s : sum) asm volatile("" : "+x"(s));
  return steps * kDotChains * kLanes * 2 * Dots::kProducts;
}

// 8-bit integers without instructions of their own are widened to 16 bits.
struct S8Widened {
  using Sum = Ints;
  static constexpr int kProducts = 2;
  static Ints dot(Ints sum, Ints x, Ints w) noexcept { return add_pairs(sum, x, w); }
};

}  // namespace
}  // namespace sapiens::kernels
