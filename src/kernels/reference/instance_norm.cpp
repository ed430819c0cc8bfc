#include <cmath>

#include "kernels/reference/reference.hpp"

namespace sapiens::kernels::reference {

void column_statistics(const ColumnStatisticsArgs& a) noexcept {
  for (std::int64_t c = 0; c < a.width; ++c) {
    const auto x = [&](std::int64_t r) { return double{load(a.x, a.type, r * a.x_stride + c)}; };
    double mean = 0, squares = 0;
    for (std::int64_t r = 0; r < a.rows; ++r) mean += x(r);
    mean /= static_cast<double>(a.rows);
    for (std::int64_t r = 0; r < a.rows; ++r) squares += (x(r) - mean) * (x(r) - mean);
    a.mean[c] = static_cast<float>(mean);
    a.squares[c] = static_cast<float>(squares);
  }
}

void normalize_silu(const NormalizeSiluArgs& a) noexcept {
  for (std::int64_t r = 0; r < a.rows; ++r) {
    for (std::int64_t c = 0; c < a.width; ++c) {
      const double x = load(a.x, a.x_type, r * a.x_stride + c);
      const double z = (x - a.mean[c]) * a.scale[c];
      store(a.y, a.y_type, r * a.y_stride + c, silu(z));
    }
  }
}

}  // namespace sapiens::kernels::reference
