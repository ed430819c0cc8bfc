#pragma once

#include <cstddef>
#include <span>

#include "core/aligned_buffer.hpp"
#include "nn/activations.hpp"
#include "nn/ops.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

/// Conv2d of a small odd kernel in which every channel sees itself alone, zero-padded by kernel
/// / 2.
struct DepthwiseWeights {
  AlignedBuffer<float> weight;  // [kernel kernel, channels]
  AlignedBuffer<float> bias;    // [channels]
  Index channels = 0, kernel = 1;

  std::size_t bytes() const noexcept {
    return (weight.span().size() + bias.span().size()) * sizeof(float);
  }
};

/// `weight` is PyTorch's [channels, 1, kernel, kernel].
DepthwiseWeights pack_depthwise(TensorView<const float, 4> weight, std::span<const float> bias);

/// y = silu(x * w + b) on maps of floats, whose rows are the pixels of `size`; they must not
/// overlap. The results are the same, bit by bit, whatever the number of threads.
void depthwise_silu(const Ops& ops, ConstActivations x, Grid size, const DepthwiseWeights& w,
                    Activations y);

}  // namespace sapiens
