#pragma once

#include <span>

#include "core/thread_pool.hpp"
#include "core/workspace.hpp"
#include "kernels/kernel_table.hpp"
#include "nn/activations.hpp"
#include "nn/gathered_rows.hpp"
#include "nn/split.hpp"

namespace sapiens {

/// Mean and variance of every column of a map that arrives in blocks of rows. What a block adds
/// does not depend on the other blocks, and blocks are joined in their order, so the result does
/// not depend on the scheduling of threads.
class ChannelStatistics {
 public:
  /// For the blocks of `layers` layers, each over the rows of `blocks`.
  ChannelStatistics(const Split& blocks, Index layers, Index channels, Workspace& ws);

  /// From any thread, once for every block.
  void add(const KernelTable& kernels, const RowBlock& block, ConstActivations rows);
  /// The mean, and 1 / sqrt(variance + 1e-5) with the biased variance.
  void finish(const ThreadPool& pool, std::span<float> mean, std::span<float> scale) const;

 private:
  float* means(Index block) const noexcept { return data_ + 2 * block * channels_; }
  float* squares(Index block) const noexcept { return means(block) + channels_; }
  void join(Index first_channel, Index count, float* mean, float* scale) const;

  Split blocks_;
  Index layers_, channels_;
  float* data_;  // for every block its means and its sums of squares around them
};

}  // namespace sapiens
