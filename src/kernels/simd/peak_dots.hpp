// Dot products of dwords in registers only. Included after a vector.hpp and dot_linear.hpp.
#pragma once

#include <cstdint>

namespace sapiens::kernels {
namespace {

// The number of chains leaves registers for the operands and exceeds the latency of any CPU.
template <class Dots>
std::int64_t peak_dots(std::int64_t steps) noexcept {
  constexpr int kChains = kRowTile * kColumnVecs > 20 ? 20 : 10;
  typename Dots::Sum sum[kChains] = {};
  Ints x = broadcast(std::int32_t{0x01010101}), w = x;
  for (std::int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 32
    for (int i = 0; i < kChains; ++i) {
      // Prevents the compiler from computing a product once for all chains.
      asm volatile("" : "+x"(x), "+x"(w));
      sum[i] = Dots::dot(sum[i], x, w);
    }
  }
  for (auto& s : sum) asm volatile("" : "+x"(s));
  return steps * kChains * kLanes * 2 * (Dots::Format::kGroup / Dots::kParts);
}

}  // namespace
}  // namespace sapiens::kernels
