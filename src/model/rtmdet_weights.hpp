#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "model/param_loader.hpp"
#include "model/rtmdet_config.hpp"
#include "nn/ops.hpp"

namespace sapiens {

// Fields are named after the checkpoint keys. Every batch norm is folded into the convolution in
// front of it.

struct CspBlockWeights {
  Conv2dWeights conv1;         // blocks.{i}.conv1                  3x3
  DepthwiseWeights depthwise;  // blocks.{i}.conv2.depthwise_conv   5x5
  Conv2dWeights pointwise;     // blocks.{i}.conv2.pointwise_conv   1x1
};

struct CspWeights {
  Conv2dWeights main_and_short;  // main_conv and short_conv as one: they see the same map
  std::vector<CspBlockWeights> blocks = {};
  LinearWeights attention = {};  // attention.fc; of no size in the neck
  Conv2dWeights final;           // final_conv
  bool add = false;              // whether a block adds its input

  Index middle() const noexcept { return final.in / 2; }
};

struct DetectorBranchWeights {
  std::vector<Conv2dWeights> convs = {};  // bbox_head.{cls,reg}_convs.{level}.{i}
  Conv2dWeights final;                    // bbox_head.rtm_{cls,reg}.{level}
};

struct RtmDetWeights {
  std::array<Conv2dWeights, 3> stem;
  std::array<Conv2dWeights, 4> down;  // backbone.stage{i}.0
  std::array<CspWeights, 4> stages;   // backbone.stage{1,2,3}.1, backbone.stage4.2
  Conv2dWeights pool_in, pool_out;    // backbone.stage4.1.conv1, conv2
  std::array<Conv2dWeights, 2> reduce_layers;
  std::array<CspWeights, 2> top_down_blocks;
  std::array<Conv2dWeights, 2> downsamples;
  std::array<CspWeights, 2> bottom_up_blocks;
  std::array<Conv2dWeights, 3> out_convs;
  std::array<DetectorBranchWeights, 3> cls, reg;  // of each level
};

struct LoadedRtmDet {
  RtmDetWeights weights;
  std::uint64_t bytes = 0;
  std::vector<NonFinite> non_finite;  ///< In the order in which they were read.
};

/// Throws `Error(CheckpointRefused)` for a variance below zero. NaN passes: it is counted, and
/// reported with all the others.
void expect_variance(const std::string& key, float variance);

/// Reads every parameter of `rtmdet_params`, folds and packs. Throws `Error(CheckpointRefused)` for
/// a variance below zero.
LoadedRtmDet load_rtmdet(const RtmDetConfig& config, const ParamSource& source, const Ops& ops,
                         const std::function<void(double)>& progress = {});

}  // namespace sapiens
