// exp2 and the exact GELU on vectors. Included after a vector.hpp.
#pragma once

#include <cstdint>

namespace sapiens::kernels {
namespace {

// 2^x for x <= 127, within 1 ulp: 2^n 2^f with n = round(x), f in [-1/2, 1/2], and the minimax
// polynomial of degree 6 for 2^f (relative error 2e-9 before rounding). Below kMinExponent the
// result stays where it is there: as good as 0 for a softmax. NaN stays NaN.
inline Vec exp2(Vec x) noexcept {
  x = max(broadcast(kMinExponent), x);
  const Vec n = round(x);
  const Vec f = sub(x, n);
  Vec p = broadcast(1.5353360504377633e-04f);
  p = fma(p, f, broadcast(1.3398875016719103e-03f));
  p = fma(p, f, broadcast(9.61843691766262e-03f));
  p = fma(p, f, broadcast(5.5503323674201965e-02f));
  p = fma(p, f, broadcast(2.4022647738456726e-01f));
  p = fma(p, f, broadcast(6.931471824645996e-01f));
  p = fma(p, f, broadcast(1.0f));
  return scale_by_power(p, n);
}

// The same with a relative error of 7.5e-5.
inline Vec rough_exp2(Vec x) noexcept {
  x = max(broadcast(kMinExponent), x);
  const Vec n = round(x);
  const Vec f = sub(x, n);
  Vec p = broadcast(0.05517100915312767f);
  p = fma(p, f, broadcast(0.24261119961738586f));
  p = fma(p, f, broadcast(0.6932610869407654f));
  p = fma(p, f, broadcast(0.9999280571937561f));
  return scale_by_power(p, n);
}

// gelu(x) = x Phi(x). With u = |x| and t = 1 / (1 + 0.35 u),
//   Phi(-u) = erfc(u / sqrt 2) / 2 = exp(-u^2 / 2) t P(t),
// P the minimax polynomial of degree 8 on u in [0, 14.5] (relative error 3.2e-8; 3.2e-7 in fp32).
// Phi(u) = 1 - Phi(-u). So Phi keeps its digits in both tails, where 1 + erf would cancel; far out
// the rounding of the exponent adds u^2 / 2 ulps, to numbers that are tiny by then.
inline Vec gelu(Vec x) noexcept {
  constexpr float kHalfLog2E = 0.72134752f;
  const Vec u = abs(x);
  const Vec t = div(broadcast(1.0f), fma(broadcast(0.35f), u, broadcast(1.0f)));
  Vec p = broadcast(-0.029158124700188637f);
  p = fma(p, t, broadcast(0.14403210580348969f));
  p = fma(p, t, broadcast(-0.2558414936065674f));
  p = fma(p, t, broadcast(0.15932254493236542f));
  p = fma(p, t, broadcast(-0.023214315995573997f));
  p = fma(p, t, broadcast(0.10555332899093628f));
  p = fma(p, t, broadcast(0.11982107907533646f));
  p = fma(p, t, broadcast(0.1398635357618332f));
  p = fma(p, t, broadcast(0.139621302485466f));
  const Vec density = exp2(mul(mul(u, u), broadcast(-kHalfLog2E)));
  const Vec tail = mul(density, mul(p, t));
  return mul(x, by_sign(x, tail, sub(broadcast(1.0f), tail)));
}

// The same for results that become bf16: relative error 2.5e-4, a sixteenth of what that
// rounding costs. P of degree 4 (1.0e-4), 2^x good to 7.5e-5, a reciprocal good to 6e-5.
inline Vec gelu_for_bf16(Vec x) noexcept {
  constexpr float kHalfLog2E = 0.72134752f;
  const Vec u = abs(x);
  const Vec t = rough_reciprocal(fma(broadcast(0.35f), u, broadcast(1.0f)));
  Vec p = broadcast(-0.0818871483206749f);
  p = fma(p, t, broadcast(0.23645634949207306f));
  p = fma(p, t, broadcast(0.052846573293209076f));
  p = fma(p, t, broadcast(0.1540815830230713f));
  p = fma(p, t, broadcast(0.1385527402162552f));
  const Vec density = rough_exp2(mul(mul(u, u), broadcast(-kHalfLog2E)));
  const Vec tail = mul(density, mul(p, t));
  return mul(x, by_sign(x, tail, sub(broadcast(1.0f), tail)));
}

// silu(z) = z / (1 + exp(-z)). With e = exp(-|z|) that is z / (1 + e), or z e / (1 + e) below zero:
// nothing overflows. The rounding of the exponent adds |z| ulps where the result is tiny.
inline Vec silu(Vec z) noexcept {
  const Vec e = exp2(mul(abs(z), broadcast(-1.44269504f)));
  return div(mul(z, by_sign(z, e, broadcast(1.0f))), add(broadcast(1.0f), e));
}

// The same for results that become bf16: relative error 1.4e-4, see gelu_for_bf16.
inline Vec silu_for_bf16(Vec z) noexcept {
  const Vec e = rough_exp2(mul(abs(z), broadcast(-1.44269504f)));
  return mul(mul(z, by_sign(z, e, broadcast(1.0f))), rough_reciprocal(add(broadcast(1.0f), e)));
}

inline void gelu_all(const float* x, float* y, std::int64_t n) noexcept {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    store_first(y + i, gelu(load_first(x + i, n - i)), n - i);
  }
}

}  // namespace
}  // namespace sapiens::kernels
