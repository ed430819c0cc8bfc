#pragma once

#include <bit>
#include <cstdint>

namespace sapiens {

/// From here on, numbers are rounded to the infinity of IEEE half.
inline constexpr float kHalfRoundsToInfinity = 65520;

/// The bits of the IEEE half nearest to `value`, ties to even. Values of 65520 and more become
/// infinity; NaN stays NaN.
inline std::uint16_t half_bits(float value) noexcept {
  constexpr std::uint32_t kInfinity = 0x7f800000;
  constexpr auto kRoundsToInfinity = std::bit_cast<std::uint32_t>(kHalfRoundsToInfinity);
  constexpr std::uint32_t kMinNormal = 0x38800000;       // 2^-14
  constexpr std::uint32_t kRebias = (127u - 15u) << 23;  // from float's exponent to half's

  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  const std::uint32_t magnitude = bits & 0x7fffffff;
  std::uint32_t half = 0;
  if (magnitude > kInfinity) {
    half = 0x7e00;
  } else if (magnitude >= kRoundsToInfinity) {
    half = 0x7c00;
  } else if (magnitude < kMinNormal) {
    // One unit of 0.5f is the step of half's subnormals, so the addition rounds to it.
    const float rounded = std::bit_cast<float>(magnitude) + 0.5f;
    half = std::bit_cast<std::uint32_t>(rounded) - std::bit_cast<std::uint32_t>(0.5f);
  } else {
    const std::uint32_t odd = magnitude >> 13 & 1;
    half = (magnitude - kRebias + 0xfff + odd) >> 13;
  }
  return static_cast<std::uint16_t>(sign | half);
}

/// The bits of the bfloat16 nearest to `value`, ties to even; NaN stays NaN.
inline std::uint16_t bfloat16_bits(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace sapiens
