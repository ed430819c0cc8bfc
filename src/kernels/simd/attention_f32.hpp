// Attention in fp32 arithmetic, on numbers of either type. Included after a vector.hpp.
#pragma once

#include "kernels/simd/attention.hpp"
#include "kernels/simd/elementary.hpp"

namespace sapiens::kernels {
namespace {

struct F32Operands {
  static constexpr std::int64_t kGroup = 1;

  static Vec dimensions(const void* row, ActivationType type, std::int64_t first,
                        std::int64_t n) noexcept {
    return load_first(at(row, type, first), type, n - first);
  }
  static Vec values(const void* v, ActivationType type, std::int64_t, std::int64_t n,
                    std::int64_t) noexcept {
    return load_first(v, type, n);
  }
  static Vec multiply_add(Vec a, Vec b, Vec sum) noexcept { return fma(a, b, sum); }
  static Vec exp2(Vec x) noexcept { return kernels::exp2(x); }
  static Vec store_weights(float* p, const Vec (&w)[kColumnVecs], Vec sum) noexcept {
    store(p, w[0]);
    store(p + kLanes, w[1]);
    return add(sum, add(w[0], w[1]));
  }
  static Vec scaled(Vec weights, Vec power_of_two) noexcept { return mul(weights, power_of_two); }
};
static_assert(kColumnVecs == 2);

constexpr AttentionKernel kAttention = kAttentionWith<F32Operands>;

}  // namespace
}  // namespace sapiens::kernels
