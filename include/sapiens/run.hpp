#pragma once

#include <string>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Time and work of one kind of operator in a run.
struct OperatorTime {
  std::string name = {};        ///< "qkv", "attention", "layer_norm", ...
  Index calls = 0;              ///< Number of calls; the following are totals over them.
  double seconds = 0;           ///< Duration.
  double gflop = 0;             ///< Arithmetic, two per multiply-add; 0 for memory-bound operators.
  double gbytes = 0;            ///< Memory traffic; 0 for compute-bound operators.
  std::string arithmetic = {};  ///< Type of the multiply-adds: "fp32", "bf16", "int8" or "".
};

/// Durations in seconds of the stages from an image to a result.
struct StageTimes {
  double preprocess = 0;  ///< 0 if the caller preprocessed the input.
  double encoder = 0;     ///< Encoder, or the network of a detector.
  double head = 0;        ///< Head of a task, or decoder of the masked autoencoder.
  double post = 0;        ///< From the output of the head to the result.

  /// Adds the durations of each stage.
  StageTimes& operator+=(const StageTimes& more) noexcept {
    preprocess += more.preprocess;
    encoder += more.encoder;
    head += more.head;
    post += more.post;
    return *this;
  }
};

/// Durations of one run.
struct RunStats {
  StageTimes stages = {};                    ///< By stage.
  double forward_seconds = 0;                ///< Duration of the forward pass of the network.
  std::vector<OperatorTime> operators = {};  ///< By operator, in order of first execution.
};

}  // namespace sapiens
