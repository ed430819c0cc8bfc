#include <cstdint>

#include "core/half.hpp"
#include "kernels/reference/reference.hpp"

namespace sapiens::kernels::reference {
namespace {

// How a kernel keeps its weights and what it makes of x. The packed weight is [out, in].
struct Float32 {
  using Stored = float;
  static Stored encode(float w) noexcept { return w; }
  static float decode(Stored w) noexcept { return w; }
  static float operand(float x) noexcept { return x; }
};
struct Float32FromBf16 {
  using Stored = std::uint16_t;
  static Stored encode(float w) noexcept { return bfloat16_bits(w); }
  static float decode(Stored w) noexcept { return bfloat16_to_float(w); }
  static float operand(float x) noexcept { return x; }
};
struct Float32FromF16 {
  using Stored = std::uint16_t;
  static Stored encode(float w) noexcept { return half_bits(w); }
  static float decode(Stored w) noexcept { return half_to_float(w); }
  static float operand(float x) noexcept { return x; }
};
struct Bf16 : Float32FromBf16 {
  static float operand(float x) noexcept { return round_to_bf16(x); }
};

// y[r, o] = sum_i x[r, i] W[o, i] + b[o]
template <class Format>
void run(const LinearArgs& a) noexcept {
  const auto* const weight = static_cast<const typename Format::Stored*>(a.weight);
  for (std::int64_t r = 0; r < a.rows; ++r) {
    finish_row(a, r, [&](std::int64_t o) {
      double sum = a.bias[o];
      for (std::int64_t i = 0; i < a.in; ++i) {
        const float x = Format::operand(load(a.x, a.x_type, r * a.x_stride + i));
        sum += double{x} * Format::decode(weight[o * a.in + i]);
      }
      return sum;
    });
  }
}

template <class Format>
void pack(const PackArgs& a) noexcept {
  auto* const packed = static_cast<typename Format::Stored*>(a.packed);
  for (std::int64_t r = 0; r < a.rows; ++r) {
    for (std::int64_t i = 0; i < a.in; ++i) {
      packed[(a.first_row + r) * a.in + i] = Format::encode(a.weight[r * a.stride + i]);
    }
  }
}

template <class Format>
std::int64_t packed_bytes(std::int64_t out, std::int64_t in) noexcept {
  return out * in * static_cast<std::int64_t>(sizeof(typename Format::Stored));
}

std::int64_t no_scratch(std::int64_t, std::int64_t) noexcept { return 0; }
std::int64_t row_block(std::int64_t, std::int64_t) noexcept { return 16; }

template <class Format>
constexpr LinearKernel kernel() noexcept {
  return {.run = &run<Format>,
          .pack = &pack<Format>,
          .packed_bytes = &packed_bytes<Format>,
          .scratch_bytes = &no_scratch,
          .row_block = &row_block,
          .row_tile = 1,
          .column_tile = 2};  // a gate and its value
}

}  // namespace

void finish(const LinearArgs& a, std::int64_t row, std::int64_t column, double sum) noexcept {
  const std::int64_t at = row * a.y_stride + column;
  if (a.epilogue == Epilogue::Gelu) sum = gelu(sum);
  if (a.epilogue == Epilogue::AddScaled) sum *= double{a.factor[column]};
  if (a.epilogue == Epilogue::Add || a.epilogue == Epilogue::AddScaled) {
    sum += load(a.y, a.y_type, at);
  }
  store(a.y, a.y_type, at, sum);
}

const LinearKernel linear_f32 = kernel<Float32>();
const LinearKernel linear_f32_from_bf16 = kernel<Float32FromBf16>();
const LinearKernel linear_f32_from_f16 = kernel<Float32FromF16>();
const LinearKernel linear_bf16 = kernel<Bf16>();

}  // namespace sapiens::kernels::reference
