#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "core/workspace.hpp"
#include "nn/activations.hpp"
#include "nn/ops.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

// Convolutions of convolutional networks, on feature maps of floats whose rows are pixels
// (y * width + x) and whose columns are channels, as in nn/conv.hpp. The rows of a map may lie
// apart: a part of the columns of another map is a map, so nothing has to be concatenated.
//
// The results are the same, bit by bit, whatever the number of threads.

/// Conv2d of a small odd kernel with bias, zero-padded by kernel / 2: a linear layer on the
/// kernel x kernel pixels under it.
struct Conv2dWeights {
  LinearWeights linear;  // [out, kernel kernel in]: pixels row by row, channels fast
  Index in = 0, kernel = 1, stride = 1;

  std::size_t bytes() const noexcept { return linear.bytes(); }
};

/// `weight` is PyTorch's [out, in, kernel, kernel]. `name` is for profiles and lives as long as the
/// program.
Conv2dWeights pack_conv2d(const Ops& ops, std::string_view name, TensorView<const float, 4> weight,
                          std::span<const float> bias, Index stride);

/// What becomes of the convolution's result z.
enum class ConvEnd {
  Store,    // y = z
  Silu,     // y = silu(z)
  AddSilu,  // y += silu(z)
};

/// The size of what a convolution of that stride makes of a map.
constexpr Grid conv2d_size(Grid size, Index stride) noexcept {
  return {ceil_div(size.height, stride), ceil_div(size.width, stride)};
}

/// y [pixels of conv2d_size, out] from x [pixels of `size`, in], which must not overlap.
void conv2d(const Ops& ops, ConstActivations x, Grid size, const Conv2dWeights& w, ConvEnd end,
            Activations y, Workspace& ws);

/// What `conv2d` takes from its workspace.
std::size_t conv2d_workspace_bytes(const Ops& ops, const Conv2dWeights& w);

}  // namespace sapiens
