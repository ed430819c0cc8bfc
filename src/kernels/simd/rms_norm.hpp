// y = x / sqrt(mean(x^2) + eps) * gamma, row by row. Included after a vector.hpp.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd/row_sum.hpp"

namespace sapiens::kernels {
namespace {

void rms_norm(const RmsNormArgs& a) noexcept {
  const float width = static_cast<float>(a.width);
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const float* const x = a.x + r * a.x_stride;
    void* const y = at(a.y, a.y_type, r * a.y_stride);

    const auto squared = [](Vec sum, Vec v, std::int64_t) { return fma(v, v, sum); };
    const float mean = row_sum(x, a.width, squared) / width;
    // NaN where the squares overflow: the scale would be 0, and the row zeros that look like
    // numbers.
    const Vec scale = broadcast(1.0f / __builtin_sqrtf(mean + a.epsilon) + 0.0f * mean);
    for (std::int64_t i = 0; i < a.width; i += kLanes) {
      const std::int64_t left = a.width - i;
      const Vec gamma = mul(scale, load_first(a.gamma + i, left));
      store_first(at(y, a.y_type, i), a.y_type, mul(load_first(x + i, left), gamma), left);
    }
  }
}

}  // namespace
}  // namespace sapiens::kernels
