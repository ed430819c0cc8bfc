#pragma once

#include <string>
#include <vector>

#include "sapiens/report.hpp"
#include "sapiens/task.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// An encoder of a published size, or a tiny one for tests.
struct Architecture {
  std::string name = {};    ///< As `ModelOptions::arch` takes it: "0.3b", "sapiens2_0.4b", "tiny".
  std::string family = {};  ///< "sapiens" or "sapiens2".
  bool published = true;    ///< False for the tiny ones.
  Index width = 0;          ///< Channels of a token.
  Index depth = 0;          ///< Blocks.
  Index heads = 0;          ///< Attention heads.
  Grid grid = {};           ///< Patches of an input of pretraining.
};

/// All of them, by family and size.
std::vector<Architecture> architectures();

/// What the original's models for a task are beside the encoder.
struct HeadArchitecture {
  std::vector<Index> deconvs = {};  ///< Output channels of each transposed convolution.
  std::vector<Index> convs = {};    ///< Output channels of each 1x1 convolution behind them.
  Index patch_padding = 0;          ///< Of the encoder's patches, in pixels; it is the task's.
};

/// The original's head with `outputs` outputs on an encoder of `width` channels, which it does not
/// exceed. Throws `Error(InvalidArgument)` for a task without a head.
HeadArchitecture head_architecture(Task task, Index width, Index outputs);

}  // namespace sapiens
