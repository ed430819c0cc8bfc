#include <algorithm>
#include <cassert>

#include "nn/ops.hpp"
#include "nn/silu.hpp"

namespace sapiens {
namespace {

// The pixels under the kernel that lie inside the map: rows and columns of the kernel.
struct Taps {
  Index top, bottom, left, right;
};

// Channels [first, first + kWide) of one pixel; their sums stay in registers. `x` is where the
// kernel's own corner lies, which may be outside the map.
template <Index kWide>
void sum_taps(const float* x, Index x_row, Index x_pixel, const DepthwiseWeights& w,
              const Taps& taps, Index first, float* y) {
  float sums[kWide];
  for (Index i = 0; i < kWide; ++i) sums[i] = w.bias.data()[first + i];
  for (Index ky = taps.top; ky < taps.bottom; ++ky) {
    for (Index kx = taps.left; kx < taps.right; ++kx) {
      const float* const pixel = x + (ky * x_row + kx * x_pixel + first);
      const float* const weight = w.weight.data() + (ky * w.kernel + kx) * w.channels + first;
      for (Index i = 0; i < kWide; ++i) sums[i] += pixel[i] * weight[i];
    }
  }
  for (Index i = 0; i < kWide; ++i) y[first + i] = sums[i];
}

void convolve_pixel(ConstActivations x, Grid size, const DepthwiseWeights& w, Index pixel,
                    float* y) {
  const Index k = w.kernel;
  const Index top = pixel / size.width - k / 2, left = pixel % size.width - k / 2;
  const Taps taps{.top = std::max(Index{0}, -top),
                  .bottom = std::min(k, size.height - top),
                  .left = std::max(Index{0}, -left),
                  .right = std::min(k, size.width - left)};
  const auto* const from = reinterpret_cast<const float*>(x.data());
  const Index x_pixel = x.stride(), x_row = size.width * x_pixel;
  const float* const corner = from + (top * x_row + left * x_pixel);
  Index c = 0;
  for (; c + 16 <= w.channels; c += 16) sum_taps<16>(corner, x_row, x_pixel, w, taps, c, y);
  for (; c + 4 <= w.channels; c += 4) sum_taps<4>(corner, x_row, x_pixel, w, taps, c, y);
  for (; c < w.channels; ++c) sum_taps<1>(corner, x_row, x_pixel, w, taps, c, y);
}

}  // namespace

DepthwiseWeights Ops::pack_depthwise(TensorView<const float, 4> weight,
                                     std::span<const float> bias) const {
  const Index channels = weight.extent(0), k = weight.extent(2);
  expect_shape("depthwise convolution: weight", weight, {channels, 1, k, k});
  expect_shape("depthwise convolution: bias",
               TensorView<const float, 1>(bias.data(), {std::ssize(bias)}), {channels});
  assert(k % 2 == 1);
  DepthwiseWeights packed{.weight = AlignedBuffer<float>(k * k * channels),
                          .bias = AlignedBuffer<float>(channels),
                          .channels = channels,
                          .kernel = k};
  std::ranges::copy(bias, packed.bias.data());
  for (Index c = 0; c < channels; ++c) {
    const float* const from = weight[c].data();
    for (Index tap = 0; tap < k * k; ++tap) packed.weight.data()[tap * channels + c] = from[tap];
  }
  return packed;
}

void Ops::depthwise_silu(ConstActivations x, Grid size, const DepthwiseWeights& w, Activations y,
                         Workspace& ws) const {
  expect_shape("depthwise convolution: input", x, {size.patches(), w.channels});
  expect_shape("depthwise convolution: output", y, {size.patches(), w.channels});
  assert(x.type() == ActivationType::F32 && y.type() == ActivationType::F32);
  if (ws.only_measures()) return;
  const auto products = static_cast<double>(size.patches() * w.kernel * w.kernel * w.channels);
  const Profile::Timer timer(profile_, "depthwise",
                             {.arithmetic = "fp32", .operations = 2 * products});
  pool_->parallel_for(size.patches(), [&](Index begin, Index end) {
    // A few pixels at a time, so that SiLU finds them in L1.
    constexpr Index kPixels = 16;
    for (Index first = begin; first < end; first += kPixels) {
      const Activations some = y.rows_from(first, std::min(kPixels, end - first));
      for (Index r = 0; r < some.rows(); ++r) {
        convolve_pixel(x, size, w, first + r, reinterpret_cast<float*>(some.at(r, 0)));
      }
      silu(*kernels_, some, some);
    }
  });
}

}  // namespace sapiens
