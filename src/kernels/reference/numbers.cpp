#include "core/half.hpp"
#include "kernels/reference/reference.hpp"

namespace sapiens::kernels::reference {

float load(const void* numbers, ActivationType type, std::int64_t i) noexcept {
  if (type == ActivationType::F32) return static_cast<const float*>(numbers)[i];
  return bfloat16_to_float(static_cast<const std::uint16_t*>(numbers)[i]);
}

// Rounds to float first, as the fast kernels do, whose sums are floats.
void store(void* numbers, ActivationType type, std::int64_t i, double value) noexcept {
  const auto rounded = static_cast<float>(value);
  if (type == ActivationType::F32) {
    static_cast<float*>(numbers)[i] = rounded;
  } else {
    static_cast<std::uint16_t*>(numbers)[i] = bfloat16_bits(rounded);
  }
}

float round_to_bf16(float value) noexcept { return bfloat16_to_float(bfloat16_bits(value)); }

}  // namespace sapiens::kernels::reference
