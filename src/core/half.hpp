#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sapiens/dtype.hpp"

namespace sapiens {

/// From here on, numbers are rounded to the infinity of IEEE half.
inline constexpr float kHalfRoundsToInfinity = 65520;

/// From here on, numbers are rounded to the infinity of bfloat16.
inline constexpr float kBfloat16RoundsToInfinity = 0x1.ffp127f;

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

/// Stores `values` as F32, F16 or BF16, little-endian, rounded to nearest even; `out` holds exactly
/// as many elements.
void encode_floats(std::span<const float> values, DType dtype, std::span<std::byte> out) noexcept;

}  // namespace sapiens
