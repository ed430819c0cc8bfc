#include <cmath>

#include "kernels/reference/reference.hpp"

namespace sapiens::kernels::reference {

void rms_norm(const RmsNormArgs& a) noexcept {
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const float* const x = a.x + r * a.x_stride;
    double squares = 0;
    for (std::int64_t i = 0; i < a.width; ++i) squares += double{x[i]} * double{x[i]};
    const double mean = squares / static_cast<double>(a.width);
    const double scale = 1 / std::sqrt(mean + double{a.epsilon}) + 0 * mean;  // NaN for infinity
    for (std::int64_t i = 0; i < a.width; ++i) {
      store(a.y, a.y_type, r * a.y_stride + i, x[i] * scale * double{a.gamma[i]});
    }
  }
}

void norm_rotate(const LinearArgs& a, std::int64_t row) noexcept {
  const RotaryHeads& h = *a.heads;
  const std::int64_t half = h.head_dim / 2;
  const float* const cos = h.rotations + (a.first_row + row) % h.tokens * h.stride;
  const float* const sin = cos + half;
  const std::int64_t end = (a.first_column + a.columns) / h.head_dim;
  for (std::int64_t head = a.first_column / h.head_dim; head < end; ++head) {
    if (head >= h.heads + h.kv_heads) break;  // v
    const float* const gamma = head < h.heads ? h.q_gamma : h.k_gamma;
    const std::int64_t first = row * a.y_stride + head * h.head_dim;
    double squares = 0;
    for (std::int64_t i = 0; i < h.head_dim; ++i) {
      const double z = load(a.y, a.y_type, first + i);
      squares += z * z;
    }
    const double mean = squares / static_cast<double>(h.head_dim);
    const double scale = 1 / std::sqrt(mean + double{h.epsilon}) + 0 * mean;
    for (std::int64_t i = 0; i < half; ++i) {
      const double n = load(a.y, a.y_type, first + i) * scale * double{gamma[i]};
      const double m = load(a.y, a.y_type, first + half + i) * scale * double{gamma[half + i]};
      store(a.y, a.y_type, first + i, n * cos[i] - m * sin[i]);
      store(a.y, a.y_type, first + half + i, m * cos[i] + n * sin[i]);
    }
  }
}

}  // namespace sapiens::kernels::reference
