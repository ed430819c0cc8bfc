// clang-format off: the kernels use the vector functions, which must come first
#include "kernels/avx2/vector.hpp"
// clang-format on

#include "kernels/kernel_table.hpp"
#include "kernels/simd/attention_f32.hpp"
#include "kernels/simd/dot_linear.hpp"
#include "kernels/simd/elementary.hpp"
#include "kernels/simd/instance_norm.hpp"
#include "kernels/simd/layer_norm.hpp"
#include "kernels/simd/linear.hpp"
#include "kernels/simd/rms_norm.hpp"

namespace sapiens::kernels {

void install_avx2(KernelTable& table) noexcept {
  table.linear_f32 = linear<F32Linear>();
  table.linear_f32_from_bf16 = linear<F32FromBf16Linear>();
  table.linear_f32_from_f16 = linear<F32FromF16Linear>();
  table.linear_bf16 = linear<Bf16Linear>();
  table.linear_s8 = dot_linear<S8Widened>();
  table.attention = kAttention;
  table.attention_bf16 = kAttention;
  table.layer_norm = &layer_norm;
  table.rms_norm = &rms_norm;
  table.column_statistics = &column_statistics;
  table.normalize_silu = &normalize_silu;
  table.gelu = &gelu_all;
}

}  // namespace sapiens::kernels
