#pragma once

#include <cstddef>

#include "core/workspace.hpp"
#include "nn/activations.hpp"
#include "nn/ops.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

// What convolutional networks do to feature maps besides convolving them; maps as in nn/conv2d.hpp.

/// y = the largest of the kernel x kernel pixels around each pixel of x that lie in the map,
/// channel by channel; stride 1, an odd kernel. The maps must not overlap.
void max_pool(const Ops& ops, ConstActivations x, Grid size, Index kernel, Activations y);

/// y [4 pixels of `size`, C]: every pixel of x becomes four. The maps must not overlap.
void upsample_nearest(const Ops& ops, ConstActivations x, Grid size, Activations y);

/// x *= clamp((W mean(x) + b) / 6 + 1/2, 0, 1), channel by channel, with the mean over all pixels;
/// `w` is [C, C].
void channel_attention(const Ops& ops, Activations x, const LinearWeights& w, Workspace& ws);

/// What `channel_attention` takes from its workspace for a map of `pixels`.
std::size_t channel_attention_workspace_bytes(const Ops& ops, Index pixels, const LinearWeights& w);

}  // namespace sapiens
