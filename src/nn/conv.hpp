#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "core/workspace.hpp"
#include "nn/activations.hpp"
#include "nn/ops.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

// The convolutions of task heads, on feature maps whose rows are pixels (y * width + x) and whose
// columns are channels: a 1x1 convolution is a linear layer, and patch tokens are a map already.
// Every convolution but the last is followed by instance norm and SiLU. Its statistics are taken
// from blocks of rows while these are in cache, and a 1x1 convolution applies it to its input on
// the way in, so that a large map is read and written once per layer.
//
// The results are the same, bit by bit, whatever the number of threads.

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

/// As Ops::make_linear and Ops::pack_rows. `slice` holds the outputs [first_out, first_out + n) of
/// PyTorch's [in, out, 4, 4] as [in, n, 16].
DeconvWeights make_deconv(const Ops& ops, Index out, Index in, DType stored = DType::F32);
void pack_deconv(const Ops& ops, DeconvWeights& weights, Index first_out,
                 TensorView<const float, 3> slice);

/// What InstanceNorm2d takes from a map: z = (x - mean) * scale, channel by channel, with scale =
/// 1 / sqrt(variance + 1e-5) and the biased variance over all pixels.
struct ChannelNorm {
  std::span<float> mean, scale;
};
ChannelNorm take_channel_norm(Workspace& ws, Index channels);

/// y [4 h w, out], twice as high and wide, from x [h w, in], and the norm of y.
void deconv(const Ops& ops, ConstActivations x, Grid size, const DeconvWeights& w, Activations y,
            const ChannelNorm& of_y, Workspace& ws);

/// y = silu((x - mean) * scale) W^T + b, or x W^T + b where `of_x` is null, and the norm of y
/// unless `of_y` is null; it may be the same object as `of_x`. y may be x.
void pointwise(const Ops& ops, ConstActivations x, const ChannelNorm* of_x, const LinearWeights& w,
               Activations y, const ChannelNorm* of_y, Workspace& ws);

/// x = silu((x - mean) * scale), in place.
void normalize_silu(const Ops& ops, Activations x, const ChannelNorm& norm);

/// What `deconv` and `pointwise` take from their workspace for an input of `pixels` rows.
std::size_t deconv_workspace_bytes(const Ops& ops, Index pixels, const DeconvWeights& w,
                                   ActivationType x_type, ActivationType y_type);
std::size_t pointwise_workspace_bytes(const Ops& ops, Index pixels, const LinearWeights& w,
                                      ActivationType x_type, ActivationType y_type);

}  // namespace sapiens
