#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "core/aligned_buffer.hpp"
#include "kernels/kernel_table.hpp"
#include "nn/split.hpp"
#include "sapiens/report.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

// Weights of layers, as `Ops` packs and reads them.

struct LayerNormWeights {
  AlignedBuffer<float> gamma, beta;  // [width]
};

/// y = x W^T + b. `weight` is in the packed order of `kernel`, the only one that can read it.
struct LinearWeights {
  const LinearKernel* kernel = nullptr;
  AlignedBuffer<std::byte> weight;
  AlignedBuffer<float> bias;  // [out]; of a gated layer in packed order, to a whole column tile
  Index in = 0, out = 0;
  bool gated = false;  // outputs are out / 2 gates and values, for `linear_swiglu` only
  std::string_view name = "linear";  // in profiles

  std::size_t bytes() const noexcept {
    return weight.span().size() + bias.span().size() * sizeof(float);
  }
};

/// A transposed convolution of kernel 4, stride 2 and padding 1, without bias, as four linear
/// layers: pixel (2i + a, 2j + b) of the output sees 2 x 2 pixels of the input through phase
/// 2a + b. A phase is [out, 4 in], the pixels (i + a - 1 + t / 2, j + b - 1 + t % 2) for t = 0..3.
struct DeconvWeights {
  std::array<LinearWeights, 4> phases;
  Index in = 0, out = 0;
};

/// Which of the 4 x 4 numbers of the convolution's kernel phase `phase` applies to its pixel `t`.
constexpr Index deconv_tap(Index phase, Index t) noexcept {
  return 4 * (3 - phase / 2 - 2 * (t / 2)) + (3 - phase % 2 - 2 * (t % 2));
}

/// Conv2d of a small odd kernel with bias, zero-padded by kernel / 2: a linear layer on the
/// kernel x kernel pixels under it.
struct Conv2dWeights {
  LinearWeights linear;  // [out, kernel kernel in]: pixels row by row, channels fast
  Index in = 0, kernel = 1, stride = 1;

  std::size_t bytes() const noexcept { return linear.bytes(); }
};

/// The size of what a convolution of that stride makes of a map.
constexpr Grid conv2d_size(Grid size, Index stride) noexcept {
  return {ceil_div(size.height, stride), ceil_div(size.width, stride)};
}

/// Conv2d of a small odd kernel in which every channel sees itself alone, zero-padded by
/// kernel / 2.
struct DepthwiseWeights {
  AlignedBuffer<float> weight;  // [kernel kernel, channels]
  AlignedBuffer<float> bias;    // [channels]
  Index channels = 0, kernel = 1;

  std::size_t bytes() const noexcept {
    return (weight.span().size() + bias.span().size()) * sizeof(float);
  }
};

}  // namespace sapiens
