#include <algorithm>
#include <cmath>

#include "kernels/reference/reference.hpp"

namespace sapiens::kernels::reference {
namespace {

// One query of one head: p = exp(s - max s) with s = scale q k^T; y = p v / sum p. `p` holds
// `tokens` numbers.
void attend(const AttentionArgs& a, std::int64_t head, std::int64_t row, double* p) noexcept {
  const std::int64_t first = head * a.head_stride;
  const auto at = [&](const void* numbers, std::int64_t r, std::int64_t d) {
    return double{load(numbers, a.type, r * a.stride + d)};
  };
  double highest = -INFINITY;
  for (std::int64_t t = 0; t < a.tokens; ++t) {
    double dot = 0;
    for (std::int64_t d = 0; d < a.head_dim; ++d) dot += at(a.q, row, first + d) * at(a.k, t, d);
    p[t] = dot * double{a.scale};
    highest = std::max(highest, p[t]);
  }
  double total = 0;
  for (std::int64_t t = 0; t < a.tokens; ++t) total += p[t] = std::exp(p[t] - highest);
  for (std::int64_t d = 0; d < a.head_dim; ++d) {
    double sum = 0;
    for (std::int64_t t = 0; t < a.tokens; ++t) sum += p[t] * at(a.v, t, d);
    store(a.y, a.type, row * a.y_stride + first + d, sum / total);
  }
}

void run(const AttentionArgs& a) noexcept {
  for (std::int64_t h = 0; h < a.heads; ++h) {
    for (std::int64_t r = 0; r < a.rows; ++r) attend(a, h, r, static_cast<double*>(a.scratch));
  }
}

std::int64_t scratch_bytes(std::int64_t tokens, std::int64_t) noexcept {
  return tokens * static_cast<std::int64_t>(sizeof(double));
}

}  // namespace

const AttentionKernel attention{
    .run = &run, .scratch_bytes = &scratch_bytes, .row_tile = 1, .row_block = 16};

}  // namespace sapiens::kernels::reference
