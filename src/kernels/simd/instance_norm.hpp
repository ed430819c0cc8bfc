// Instance norm and SiLU on rows of pixels, column by column:
//   mean[c] = sum_r x[r, c] / rows,   squares[c] = sum_r (x[r, c] - mean[c])^2
//   y = z / (1 + exp(-z)),   z = (x - mean[c]) scale[c]
// Included after a vector.hpp.
//
// Statistics take rows in groups of kRows, each group over all columns: the sums of a vector of
// columns are in a register for a whole group, and memory is read along kRows rows at once. The
// squares are summed in a second pass, around the mean, while the rows are in L2: E[x^2] - E[x]^2
// would cancel where |mean| is much larger than the deviation.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd/elementary.hpp"
#include "kernels/simd/numbers.hpp"

namespace sapiens::kernels {
namespace {

// sums[c] = f over all rows of column c, starting from 0.
template <ActivationType kType, class F>
inline void sum_columns(const ColumnStatisticsArgs& a, float* sums, F f) noexcept {
  constexpr std::int64_t kRows = 8;
  for_each_vector_of(
      a.width, [=](std::int64_t c, std::int64_t left) { store_first(sums + c, zero(), left); });
  for (std::int64_t r = 0; r < a.rows; r += kRows) {
    const std::int64_t rows = a.rows - r < kRows ? a.rows - r : kRows;
    for_each_vector_of(a.width, [&](std::int64_t c, std::int64_t left) {
      Vec sum = load_first(sums + c, left);
      const auto add_row = [&](std::int64_t i) {
        const void* const x = at(a.x, kType, (r + i) * a.x_stride + c);
        sum = f(sum, load_first(x, kType, left), c, left);
      };
      if (rows == kRows) {
#pragma GCC unroll 8
        for (std::int64_t i = 0; i < kRows; ++i) add_row(i);
      } else {
        for (std::int64_t i = 0; i < rows; ++i) add_row(i);
      }
      store_first(sums + c, sum, left);
    });
  }
}

template <ActivationType kType>
inline void column_statistics_of(const ColumnStatisticsArgs& a) noexcept {
  const auto plain = [](Vec sum, Vec x, std::int64_t, std::int64_t) { return add(sum, x); };
  sum_columns<kType>(a, a.mean, plain);
  const Vec share = broadcast(1.0f / static_cast<float>(a.rows));
  for_each_vector_of(a.width, [&](std::int64_t c, std::int64_t left) {
    store_first(a.mean + c, mul(load_first(a.mean + c, left), share), left);
  });
  sum_columns<kType>(a, a.squares, [&](Vec sum, Vec x, std::int64_t c, std::int64_t left) {
    const Vec d = sub(x, load_first(a.mean + c, left));
    return fma(d, d, sum);
  });
}

void column_statistics(const ColumnStatisticsArgs& a) noexcept {
  return a.type == ActivationType::F32 ? column_statistics_of<ActivationType::F32>(a)
                                       : column_statistics_of<ActivationType::Bf16>(a);
}

// `silu_of` is silu or, for results that become bf16, silu_for_bf16.
template <ActivationType kFrom, ActivationType kTo, class Silu>
inline void normalize_rows(const NormalizeSiluArgs& a, Silu silu_of) noexcept {
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const void* const x = at(a.x, kFrom, r * a.x_stride);
    void* const y = at(a.y, kTo, r * a.y_stride);
    for_each_vector_of(a.width, [&](std::int64_t c, std::int64_t left) {
      const Vec d = sub(load_first(at(x, kFrom, c), kFrom, left), load_first(a.mean + c, left));
      store_first(at(y, kTo, c), kTo, silu_of(mul(d, load_first(a.scale + c, left))), left);
    });
  }
}

template <ActivationType kFrom>
inline void normalize_from(const NormalizeSiluArgs& a) noexcept {
  if (a.y_type == ActivationType::F32) {
    normalize_rows<kFrom, ActivationType::F32>(a, [](Vec z) { return silu(z); });
  } else {
    normalize_rows<kFrom, ActivationType::Bf16>(a, [](Vec z) { return silu_for_bf16(z); });
  }
}

void normalize_silu(const NormalizeSiluArgs& a) noexcept {
  return a.x_type == ActivationType::F32 ? normalize_from<ActivationType::F32>(a)
                                         : normalize_from<ActivationType::Bf16>(a);
}

}  // namespace
}  // namespace sapiens::kernels
