// How a row of numbers becomes 8-bit integers. Included after a vector.hpp.
#pragma once

#include "kernels/simd/numbers.hpp"

namespace sapiens::kernels {
namespace {

// x ~ scale * integer, integer = round(x * inverse). The scale of a row with NaN or infinity is
// NaN, and its integers mean nothing; `inverse` is 0 where 1 / scale would be no number.
//
// No integer is beyond 127, so nothing has to clamp: scale >= 2^-128 where inverse is finite, which
// leaves |x| * inverse < 127.001 even for a scale among the denormals.
struct ScaleS8 {
  float scale = 0, inverse = 0;
};

// For a row whose largest magnitude is `highest`; NaN if there is one in the row.
inline ScaleS8 scale_from(float highest) noexcept {
  constexpr float kMax = 3.402823466e+38f;
  if (!(highest <= kMax)) return {.scale = __builtin_nanf(""), .inverse = 0};
  const float scale = highest / 127, inverse = 1 / scale;
  return {.scale = scale, .inverse = inverse <= kMax ? inverse : 0};
}

inline ScaleS8 scale_s8(const void* row, ActivationType type, std::int64_t n) noexcept {
  Vec even = zero(), odd = zero();
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    even = max_magnitude(even, load_first(at(row, type, i), type, kLanes));
    odd = max_magnitude(odd, load_first(at(row, type, i + kLanes), type, kLanes));
  }
  for (; i < n; i += kLanes) {
    even = max_magnitude(even, load_first(at(row, type, i), type, n - i));
  }
  return scale_from(largest_magnitude(max_magnitude(even, odd)));
}

// The first n of 4 * kLanes numbers of a row as kLanes quadruples, with 0 behind them.
inline Vec quantise(const void* x, ActivationType type, std::int64_t n, Vec inverse) noexcept {
  const auto part = [=](int i) {
    return mul(load_first(at(x, type, i * kLanes), type, n - i * kLanes), inverse);
  };
  return pack_s8(part(0), part(1), part(2), part(3));
}

}  // namespace
}  // namespace sapiens::kernels
