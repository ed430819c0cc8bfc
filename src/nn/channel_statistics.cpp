#include "nn/channel_statistics.hpp"

#include <algorithm>
#include <cmath>

namespace sapiens {
namespace {

constexpr double kEpsilon = 1e-5;  // nn.InstanceNorm2d's default
constexpr Index kJoined = 16;      // channels at a time: one line of cache per block

}  // namespace

ChannelStatistics::ChannelStatistics(const Split& blocks, Index layers, Index channels,
                                     Workspace& ws)
    : blocks_(blocks),
      layers_(layers),
      channels_(channels),
      data_(ws.floats(2 * layers * blocks.parts * channels).data()) {}

void ChannelStatistics::add(const KernelTable& kernels, const RowBlock& block,
                            ConstActivations rows) {
  const Index index = block.layer * blocks_.parts + block.part;
  kernels.column_statistics({.x = rows.data(),
                             .type = rows.type(),
                             .rows = rows.rows(),
                             .width = rows.columns(),
                             .x_stride = rows.stride(),
                             .mean = means(index),
                             .squares = squares(index)});
}

// Chan, Golub and LeVeque: with d = mean_b - mean, joining n and n_b rows adds d n_b / (n + n_b) to
// the mean and squares_b + d^2 n n_b / (n + n_b) to the squares.
void ChannelStatistics::join(Index first_channel, Index count, float* mean, float* scale) const {
  double means_so_far[kJoined] = {}, squares_so_far[kJoined] = {}, rows = 0;
  for (Index block = 0; block < layers_ * blocks_.parts; ++block) {
    const auto of_block = static_cast<double>(blocks_.range(block % blocks_.parts).count);
    const double share = of_block / (rows + of_block);
    for (Index c = 0; c < count; ++c) {
      const double d = means(block)[first_channel + c] - means_so_far[c];
      means_so_far[c] += d * share;
      squares_so_far[c] += squares(block)[first_channel + c] + d * d * rows * share;
    }
    rows += of_block;
  }
  for (Index c = 0; c < count; ++c) {
    mean[c] = static_cast<float>(means_so_far[c]);
    // NaN where the squares of a block overflow: the scale would be 0.
    scale[c] = static_cast<float>(1 / std::sqrt(squares_so_far[c] / rows + kEpsilon) +
                                  0 * squares_so_far[c]);
  }
}

void ChannelStatistics::finish(const ThreadPool& pool, std::span<float> mean,
                               std::span<float> scale) const {
  pool.parallel_for(ceil_div(channels_, kJoined), [&](Index begin, Index end) {
    for (Index c = begin * kJoined; c < std::min(channels_, end * kJoined); c += kJoined) {
      join(c, std::min(kJoined, channels_ - c), mean.data() + c, scale.data() + c);
    }
  });
}

}  // namespace sapiens
