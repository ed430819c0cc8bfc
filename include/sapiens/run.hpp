#pragma once

#include <string>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// One kind of step of a run.
struct OperatorTime {
  std::string name = {};  ///< "qkv", "attention", "layer_norm", ...
  Index calls = 0;
  double seconds = 0;  ///< Of all calls.
  double gflop = 0;    ///< Of all calls, two per multiply-add; 0 where it is not about arithmetic.
  double gbytes = 0;   ///< Read and written by all calls; 0 where it is about arithmetic.
  std::string arithmetic = {};  ///< What the multiply-adds ran in: "fp32", "bf16", "int8" or "".
};

/// Seconds of the steps from an image to a result.
struct StageTimes {
  double preprocess = 0;  ///< 0 where the caller prepared the input.
  double encoder = 0;
  double head = 0;  ///< Of a task, or the decoder of the masked autoencoder.
  double post = 0;  ///< From the head's output to the result.

  StageTimes& operator+=(const StageTimes& more) noexcept {
    preprocess += more.preprocess;
    encoder += more.encoder;
    head += more.head;
    post += more.post;
    return *this;
  }
};

/// Where the time of one run went.
struct RunStats {
  StageTimes stages = {};
  double forward_seconds = 0;                ///< Of the network, without what comes before.
  std::vector<OperatorTime> operators = {};  ///< In the order they first ran.
};

}  // namespace sapiens
