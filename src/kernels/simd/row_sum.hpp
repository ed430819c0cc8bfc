// Sums over a row of floats. Included after a vector.hpp.
#pragma once

#include "kernels/simd/numbers.hpp"

namespace sapiens::kernels {
namespace {

// Sums f(vector, lanes in use) over a row, in two chains to hide the latency of an addition.
template <class F>
inline float row_sum(const float* x, std::int64_t width, F f) noexcept {
  Vec even = zero(), odd = zero();
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= width; i += 2 * kLanes) {
    even = f(even, load(x + i), kLanes);
    odd = f(odd, load(x + i + kLanes), kLanes);
  }
  for (; i < width; i += kLanes) even = f(even, load_first(x + i, width - i), width - i);
  return sum_lanes(add(even, odd));
}

}  // namespace
}  // namespace sapiens::kernels
