#pragma once

#include <bit>
#include <cstdint>

namespace sapiens {

/// The exact value of an IEEE half. Selections are masks, so that loops over it become vector code.
inline float half_to_float(std::uint16_t half) noexcept {
  constexpr std::uint32_t kExponent = 0x7c00u << 13;       // half's exponent field, moved
  constexpr std::uint32_t kRebias = (127u - 15u) << 23;    // from half's exponent to float's
  constexpr std::uint32_t kInfinity = (128u - 16u) << 23;  // added for infinity and NaN
  constexpr float kMinNormal = 6.103515625e-05f;           // 2^-14

  const std::uint32_t magnitude = (half & 0x7fffu) << 13;
  const std::uint32_t exponent = magnitude & kExponent;
  const std::uint32_t is_infinite = 0u - std::uint32_t{exponent == kExponent};
  const std::uint32_t is_subnormal = 0u - std::uint32_t{exponent == 0};
  const std::uint32_t normal = magnitude + kRebias + (is_infinite & kInfinity);
  // A subnormal half is a multiple of 2^-24: adding 2^-14 makes it normal, and subtracting it again
  // gives the value.
  const float subnormal = std::bit_cast<float>(magnitude + kRebias + (1u << 23)) - kMinNormal;
  const std::uint32_t bits =
      (is_subnormal & std::bit_cast<std::uint32_t>(subnormal)) | (~is_subnormal & normal);
  return std::bit_cast<float>(bits | (half & 0x8000u) << 16);
}

/// The exact value of a bfloat16: the upper half of a float.
inline float bfloat16_to_float(std::uint16_t bits) noexcept {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

}  // namespace sapiens
