// Epilogue::NormRotate: normalises and rotates heads of q and k in y while they are in the nearest
// cache. Included after a vector.hpp.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd/numbers.hpp"

namespace sapiens::kernels {
namespace {

// One head of one row, in place.
template <ActivationType kType>
[[gnu::always_inline]] inline void norm_rotate(void* head, const float* gamma, const float* cos,
                                               std::int64_t half, float epsilon) noexcept {
  const auto first = [=](std::int64_t i) { return at(head, kType, i); };
  const auto second = [=](std::int64_t i) { return at(head, kType, half + i); };
  Vec even = zero(), odd = zero();
  for (std::int64_t i = 0; i < half; i += kLanes) {
    const Vec a = load_first(first(i), kType, half - i), b = load_first(second(i), kType, half - i);
    even = fma(a, a, even);
    odd = fma(b, b, odd);
  }
  const float mean = sum_lanes(add(even, odd)) / static_cast<float>(2 * half);
  const Vec scale = broadcast(1.0f / __builtin_sqrtf(mean + epsilon));
  for (std::int64_t i = 0; i < half; i += kLanes) {
    const std::int64_t left = half - i;
    const auto normalised = [=](const void* x, const float* g) {
      return mul(load_first(x, kType, left), mul(scale, load_first(g, left)));
    };
    const Vec a = normalised(first(i), gamma + i);
    const Vec b = normalised(second(i), gamma + half + i);
    const Vec c = load_first(cos + i, left), s = load_first(cos + half + i, left);
    store_first(first(i), kType, sub(mul(a, c), mul(b, s)), left);
    store_first(second(i), kType, fma(b, c, mul(a, s)), left);
  }
}

// Heads of q and k that end within the columns [begin, end), in some rows of a call. Columns of a
// call are finished from left to right, so these heads are complete then.
[[gnu::noinline]] void finish_heads(const LinearArgs& a, std::int64_t first_row, std::int64_t rows,
                                    std::int64_t begin, std::int64_t end) noexcept {
  const RotaryHeads& h = *a.heads;
  const std::int64_t of_q_and_k = h.heads + h.kv_heads, half = h.head_dim / 2;
  const std::int64_t complete = end / h.head_dim;
  const std::int64_t end_head = complete < of_q_and_k ? complete : of_q_and_k;
  for (std::int64_t head = begin / h.head_dim; head < end_head; ++head) {
    const float* const gamma = head < h.heads ? h.q_gamma : h.k_gamma;
    std::int64_t token = (a.first_row + first_row) % h.tokens;
    for (std::int64_t r = first_row; r < first_row + rows; ++r) {
      void* const y = at(a.y, a.y_type, r * a.y_stride + head * h.head_dim);
      const float* const cos = h.rotations + token * h.stride;
      if (a.y_type == ActivationType::F32) {
        norm_rotate<ActivationType::F32>(y, gamma, cos, half, h.epsilon);
      } else {
        norm_rotate<ActivationType::Bf16>(y, gamma, cos, half, h.epsilon);
      }
      if (++token == h.tokens) token = 0;
    }
  }
}

}  // namespace
}  // namespace sapiens::kernels
