#include <cmath>

#include "kernels/reference/reference.hpp"

namespace sapiens::kernels::reference {

// y = (x - mean) / sqrt(var + eps) * gamma + beta, row by row, with the biased variance.
void layer_norm(const LayerNormArgs& a) noexcept {
  const double width = static_cast<double>(a.width);
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const float* const x = a.x + r * a.x_stride;
    double mean = 0, variance = 0;
    for (std::int64_t i = 0; i < a.width; ++i) mean += x[i];
    mean /= width;
    for (std::int64_t i = 0; i < a.width; ++i) variance += (x[i] - mean) * (x[i] - mean);
    const double scale = 1 / std::sqrt(variance / width + double{a.epsilon}) + 0 * variance;
    for (std::int64_t i = 0; i < a.width; ++i) {
      store(a.y, a.y_type, r * a.y_stride + i, (x[i] - mean) * scale * a.gamma[i] + a.beta[i]);
    }
  }
}

}  // namespace sapiens::kernels::reference
