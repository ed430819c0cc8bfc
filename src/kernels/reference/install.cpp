#include <cmath>

#include "kernels/reference/reference.hpp"

namespace sapiens::kernels {
namespace reference {

// x Phi(x) = x erfc(-x / sqrt 2) / 2; erfc keeps its digits where 1 + erf would cancel. The limit
// at -inf is 0; like PyTorch's formula, this gives NaN there.
double gelu(double x) noexcept { return 0.5 * x * std::erfc(-x * M_SQRT1_2); }

double silu(double x) noexcept { return x / (1 + std::exp(-x)); }

namespace {

void gelu_all(const float* x, float* y, std::int64_t n) noexcept {
  for (std::int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(gelu(x[i]));
}

}  // namespace
}  // namespace reference

void install_reference(KernelTable& table) noexcept {
  table.linear_f32 = reference::linear_f32;
  table.linear_f32_from_bf16 = reference::linear_f32_from_bf16;
  table.linear_f32_from_f16 = reference::linear_f32_from_f16;
  table.linear_bf16 = reference::linear_bf16;
  table.linear_s8 = reference::linear_s8;
  table.attention = reference::attention;
  table.attention_bf16 = reference::attention;
  table.layer_norm = &reference::layer_norm;
  table.rms_norm = &reference::rms_norm;
  table.column_statistics = &reference::column_statistics;
  table.normalize_silu = &reference::normalize_silu;
  table.gelu = &reference::gelu_all;
}

}  // namespace sapiens::kernels
