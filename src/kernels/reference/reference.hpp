// The reference definitions: plain loops with double accumulation. Every faster version is tested
// against them, and they are the fallback on CPUs without AVX2.
#pragma once

#include "kernels/kernel_table.hpp"

namespace sapiens::kernels::reference {

extern const LinearKernel linear_f32, linear_f32_from_bf16, linear_f32_from_f16, linear_bf16;
extern const LinearKernel linear_s8;
extern const AttentionKernel attention;
void layer_norm(const LayerNormArgs& args) noexcept;
void rms_norm(const RmsNormArgs& args) noexcept;
void column_statistics(const ColumnStatisticsArgs& args) noexcept;
void normalize_silu(const NormalizeSiluArgs& args) noexcept;
double gelu(double x) noexcept;
double silu(double x) noexcept;

/// Element `i` of numbers of either type.
float load(const void* numbers, ActivationType type, std::int64_t i) noexcept;
void store(void* numbers, ActivationType type, std::int64_t i, double value) noexcept;
float round_to_bf16(float value) noexcept;

/// Applies the epilogue to a finished x W^T + b and stores it.
void finish(const LinearArgs& args, std::int64_t row, std::int64_t column, double sum) noexcept;
/// Normalises and rotates the heads of q and k among the columns of the call, in a row of y.
void norm_rotate(const LinearArgs& args, std::int64_t row) noexcept;

/// Stores one row of y; `sum(column)` computes x W^T + b.
template <class Sum>
void finish_row(const LinearArgs& a, std::int64_t row, Sum sum) noexcept {
  const std::int64_t end = a.first_column + a.columns;
  if (a.epilogue == Epilogue::SwiGlu) {
    for (std::int64_t gate = a.first_column; gate < end; gate += 2) {
      store(a.y, a.y_type, row * a.y_stride + gate / 2, silu(sum(gate)) * sum(gate + 1));
    }
    return;
  }
  for (std::int64_t column = a.first_column; column < end; ++column) {
    finish(a, row, column, sum(column));
  }
  if (a.epilogue == Epilogue::NormRotate) norm_rotate(a, row);
}

}  // namespace sapiens::kernels::reference
