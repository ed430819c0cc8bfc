#include "fuzz/support/compare_attention.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/half.hpp"

namespace sapiens::fuzz {
namespace {

constexpr double kUnit = 0x1p-24, kBf16Unit = 0x1p-8;

// q, k and v in one row, as the layer in front leaves them.
struct Head {
  Index tokens, head_dim, gap;
  std::vector<float> qkv = {};

  Index stride() const { return 3 * head_dim + gap; }
};

float largest(const std::vector<float>& numbers) {
  float found = 0;
  for (const float x : numbers) found = std::max(found, std::abs(x));
  return found;
}

std::vector<float> attend(const AttentionKernel& kernel, ActivationType type, const Head& head,
                          Index rows, float scale) {
  const bool wide = type == ActivationType::F32;
  std::vector<std::uint16_t> halves(wide ? 0 : head.qkv.size());
  if (!wide) std::transform(head.qkv.begin(), head.qkv.end(), halves.begin(), bfloat16_bits);
  const auto from = [&](Index i) {
    return wide ? static_cast<const void*>(head.qkv.data() + i) : halves.data() + i;
  };
  const auto count = static_cast<std::size_t>(rows * head.head_dim);
  std::vector<float> y(count);
  std::vector<std::uint16_t> y_halves(wide ? 0 : count);
  AlignedBuffer<std::byte> scratch(kernel.scratch_bytes(head.tokens, head.head_dim));
  for (Index row = 0; row < rows; row += kernel.row_block) {
    kernel.run({.q = from(row * head.stride()),
                .k = from(head.head_dim),
                .v = from(2 * head.head_dim),
                .y = wide ? static_cast<void*>(y.data() + row * head.head_dim)
                          : y_halves.data() + row * head.head_dim,
                .type = type,
                .rows = std::min(kernel.row_block, rows - row),
                .tokens = head.tokens,
                .head_dim = head.head_dim,
                .stride = head.stride(),
                .y_stride = head.head_dim,
                .scale = scale,
                .scratch = scratch.data()});
  }
  if (!wide) std::transform(y_halves.begin(), y_halves.end(), y.begin(), bfloat16_to_float);
  return y;
}

}  // namespace

void compare_attention(KernelInput& in, const KernelTable& fast, const KernelTable& exact) {
  Head head{.tokens = in.size(300), .head_dim = in.size(100), .gap = in.below(9)};
  const auto reach = static_cast<float>(1 + in.below(6));
  // The last row ends with its v, without the gap behind it.
  head.qkv = in.values(head.tokens * head.stride() - head.gap, reach, false);
  for (float& x : head.qkv) x = bfloat16_to_float(bfloat16_bits(x));
  const Index rows = std::min<Index>(head.tokens, in.size(40));
  const float scale = 1 / std::sqrt(static_cast<float>(head.head_dim));
  const auto want = attend(exact.attention, ActivationType::F32, head, rows, scale);

  // A score is a sum of head_dim products. Its error is a relative one of each weight; y is a mean
  // of v by the weights, and they and their sum err.
  const double d = static_cast<double>(head.head_dim), n = static_cast<double>(head.tokens);
  const double value = largest(head.qkv);
  const double score = (d + 4) * kUnit * value * value * d * scale;
  const double sums = (n + 8) * kUnit;
  const double fp32 = 2 * value * (std::expm1(2 * score) + sums) + 0x1p-126;
  const std::vector<double> of_f32(want.size(), fp32);
  expect_close(attend(fast.attention, ActivationType::F32, head, rows, scale), want, of_f32);
  const std::vector<double> of_wide(want.size(), fp32 + kBf16Unit * value);
  expect_close(attend(fast.attention, ActivationType::Bf16, head, rows, scale), want, of_wide);
  // Here the weights are rounded to bf16, too.
  const std::vector<double> of_bf16(want.size(), fp32 + 3.2 * kBf16Unit * value);
  expect_close(attend(fast.attention_bf16, ActivationType::Bf16, head, rows, scale), want, of_bf16);
}

}  // namespace sapiens::fuzz
