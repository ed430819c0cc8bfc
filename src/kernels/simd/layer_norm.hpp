// y = (x - mean) / sqrt(var + eps) * gamma + beta, row by row. Included after a vector.hpp.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd/row_sum.hpp"

namespace sapiens::kernels {
namespace {

// The mean is subtracted before squaring: E[x^2] - E[x]^2 needs one pass less, but cancels badly
// where |mean| is much larger than the deviation.
void layer_norm(const LayerNormArgs& a) noexcept {
  const float width = static_cast<float>(a.width);
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const float* const x = a.x + r * a.x_stride;
    void* const y = at(a.y, a.y_type, r * a.y_stride);

    const auto plain = [](Vec sum, Vec v, std::int64_t) { return add(sum, v); };
    const Vec mean = broadcast(row_sum(x, a.width, plain) / width);
    const auto squared = [mean](Vec sum, Vec v, std::int64_t lanes) {
      const Vec d = keep_first(sub(v, mean), zero(), lanes);
      return fma(d, d, sum);
    };
    const float variance = row_sum(x, a.width, squared) / width;
    // NaN where the squares overflow, as in rms_norm.
    const Vec scale = broadcast(1.0f / __builtin_sqrtf(variance + a.epsilon) + 0.0f * variance);

    for (std::int64_t i = 0; i < a.width; i += kLanes) {
      const std::int64_t left = a.width - i;
      const Vec d = sub(load_first(x + i, left), mean);
      const Vec gamma = mul(scale, load_first(a.gamma + i, left));
      const Vec value = fma(d, gamma, load_first(a.beta + i, left));
      store_first(at(y, a.y_type, i), a.y_type, value, left);
    }
  }
}

}  // namespace
}  // namespace sapiens::kernels
