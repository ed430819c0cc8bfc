#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/reference/reference.hpp"

namespace sapiens::kernels::reference {
namespace {

constexpr float kMax = 127;

// s = max |x| / 127: NaN where there is a NaN or an infinity, 0 where all is 0.
template <class Element>
float scale_of(std::int64_t n, Element element) noexcept {
  float highest = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const float x = std::abs(element(i));
    if (!std::isfinite(x)) return std::numeric_limits<float>::quiet_NaN();
    highest = std::max(highest, x);
  }
  return highest / kMax;
}

// Computes x / s, rounded to the nearest even integer, with the reciprocal as the fast kernels do.
// The inverse is 0 where the scale cannot be used: the row is all 0, or its results are NaN anyway,
// or so small that 1 / s is infinite.
float inverse_of(float scale) noexcept {
  const float inverse = 1 / scale;
  return std::isfinite(inverse) ? inverse : 0;
}

std::int8_t quantise(float x, float inverse) noexcept {
  return static_cast<std::int8_t>(std::nearbyint(std::clamp(x * inverse, -kMax, kMax)));
}

// The packed weight: [out, in] integers, then, on a multiple of 4 bytes, one scale per output.
std::int64_t scales_at(std::int64_t out, std::int64_t in) noexcept {
  return (out * in + 3) / 4 * 4;
}

void pack(const PackArgs& a) noexcept {
  auto* const integers = static_cast<std::int8_t*>(a.packed);
  auto* const scales = reinterpret_cast<float*>(integers + scales_at(a.out, a.in));
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const float* const w = a.weight + r * a.stride;
    const float scale = scale_of(a.in, [&](std::int64_t i) { return w[i]; });
    const float inverse = inverse_of(scale);
    scales[a.first_row + r] = scale;
    for (std::int64_t i = 0; i < a.in; ++i) {
      integers[(a.first_row + r) * a.in + i] =
          inverse == 0 ? std::int8_t{0} : quantise(w[i], inverse);
    }
  }
}

std::int64_t packed_bytes(std::int64_t out, std::int64_t in) noexcept {
  return scales_at(out, in) + out * static_cast<std::int64_t>(sizeof(float));
}

void run(const LinearArgs& a) noexcept {
  const auto* const integers = static_cast<const std::int8_t*>(a.weight);
  const auto* const scales = reinterpret_cast<const float*>(integers + scales_at(a.out, a.in));
  auto* const x = static_cast<std::int8_t*>(a.scratch);
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const auto element = [&](std::int64_t i) { return load(a.x, a.x_type, r * a.x_stride + i); };
    const float scale = scale_of(a.in, element);
    const float inverse = inverse_of(scale);
    for (std::int64_t i = 0; i < a.in; ++i) {
      x[i] = inverse == 0 ? std::int8_t{0} : quantise(element(i), inverse);
    }
    finish_row(a, r, [&](std::int64_t o) {
      std::int64_t sum = 0;
      for (std::int64_t i = 0; i < a.in; ++i) sum += x[i] * integers[o * a.in + i];
      return static_cast<double>(sum) * scale * scales[o] + a.bias[o];
    });
  }
}

std::int64_t scratch_bytes(std::int64_t in, std::int64_t) noexcept { return in; }
std::int64_t row_block_s8(std::int64_t, std::int64_t) noexcept { return 16; }

}  // namespace

const LinearKernel linear_s8{.run = &run,
                             .pack = &pack,
                             .packed_bytes = &packed_bytes,
                             .scratch_bytes = &scratch_bytes,
                             .row_block = &row_block_s8,
                             .row_tile = 1,
                             .column_tile = 2};  // a gate and its value

}  // namespace sapiens::kernels::reference
