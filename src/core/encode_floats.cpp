
#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "core/half.hpp"

namespace sapiens {
namespace {

template <std::uint16_t (*Convert)(float)>
void encode_16(std::span<const float> values, std::byte* out) noexcept {
  for (const float value : values) {
    const std::uint16_t bits = Convert(value);
    std::memcpy(out, &bits, sizeof bits);
    out += sizeof bits;
  }
}

}  // namespace

bool is_storable(std::span<const float> values, DType dtype) noexcept {
  float limit = std::numeric_limits<float>::infinity();
  if (dtype == DType::F16) limit = kHalfRoundsToInfinity;
  if (dtype == DType::BF16) limit = kBfloat16RoundsToInfinity;
  return std::ranges::all_of(values, [limit](float value) { return std::abs(value) < limit; });
}

void encode_floats(std::span<const float> values, DType dtype, std::span<std::byte> out) noexcept {
  static_assert(std::endian::native == std::endian::little);
  assert(out.size() == values.size() * dtype_size(dtype));
  if (dtype == DType::F32) {
    std::memcpy(out.data(), values.data(), out.size());
  } else if (dtype == DType::F16) {
    encode_16<half_bits>(values, out.data());
  } else {
    assert(dtype == DType::BF16);
    encode_16<bfloat16_bits>(values, out.data());
  }
}

}  // namespace sapiens
