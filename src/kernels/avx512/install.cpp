// clang-format off: the vector vocabulary comes first, the kernels are written in it
#include "kernels/avx512/vector.hpp"
// clang-format on

#include "kernels/kernel_table.hpp"
#include "kernels/simd/attention_f32.hpp"
#include "kernels/simd/elementary.hpp"
#include "kernels/simd/layer_norm.hpp"
#include "kernels/simd/linear.hpp"
#include "kernels/simd/peak_f32.hpp"

namespace sapiens::kernels {

void install_avx512(KernelTable& table) noexcept {
  table.linear_f32 = kLinear;
  table.attention = kAttention;
  table.attention_bf16 = kAttention;
  table.layer_norm = &layer_norm;
  table.gelu = &gelu_all;
  table.peak_f32 = &peak_f32;
}

}  // namespace sapiens::kernels
