#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/config.hpp"
#include "model/param_loader.hpp"
#include "reconcile/param_spec.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// A model for random weights: its parameters under canonical names.
struct SynthModel {
  const Arch* arch = nullptr;
  Task task = Task::Pretrain;
  EncoderConfig encoder;
  std::optional<HeadConfig> head;
  std::vector<ParamSpec> params;  ///< Parameters of the encoder and of the head.
  std::optional<DecoderConfig>
      decoder;  ///< Set for pretrained models; its parameters are not in `params`.
};

/// Throws `Error(InvalidArgument)` for an unknown size or task.
SynthModel synth_model(const SynthOptions& options);

/// The inspection that a file with these parameters would have.
Inspection random_inspection(const SynthModel& model);

/// Random values for one parameter: each element depends only on seed, name and index, so that
/// slices and threads agree.
///
/// Weights are Xavier-uniform as the original initialises them, norms and their running variances
/// are near 1 and 0, layer scale is between 0.1 and 0.3, a detector's scores are low, and position
/// tables are the sin-cos tables of pretraining, so that activations stay in a sensible range
/// through 56 blocks.
class RandomParam {
 public:
  RandomParam(const ParamSpec& param, Grid grid, Index extra_tokens, std::uint64_t seed);

  /// Elements [first, first + out.size()) in row-major order.
  void read(Index first, std::span<float> out) const;

 private:
  float sin_cos(Index element) const;

  std::uint64_t stream_ = 0;
  float mean_ = 0;
  float bound_ = 0;
  bool positions_ = false;
  Index width_ = 0;
  Index extra_tokens_ = 0;
  Grid grid_;
};

/// Random values for the parameters of a model, as if they came from a file.
class RandomSource final : public ParamSource {
 public:
  RandomSource(const SynthModel& model, std::uint64_t seed);

  void read(const std::string& key, Index first, std::span<float> out) const override;

 private:
  std::map<std::string, RandomParam, std::less<>> params_;
};

}  // namespace sapiens
