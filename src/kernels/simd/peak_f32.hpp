// Multiplies and adds in registers only. Included after a vector.hpp.
#pragma once

#include <cstdint>

namespace sapiens::kernels {
namespace {

// Ten chains: more than latency (4 cycles) times pipelines (2) of the CPUs of the last ten years.
std::int64_t peak_f32(std::int64_t steps) noexcept {
  constexpr int kChains = 10;
  Vec sum[kChains];
  for (Vec& s : sum) s = zero();
  Vec factor = broadcast(0.5f);
  const Vec one = broadcast(1.0f);
  for (std::int64_t step = 0; step < steps; ++step) {
    asm volatile("" : "+x"(factor));  // prevents computing the sums at compile time
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) sum[i] = fma(sum[i], factor, one);
  }
  for (Vec& s : sum) asm volatile("" : "+x"(s));
  return steps * kChains * kLanes * 2;
}

}  // namespace
}  // namespace sapiens::kernels
