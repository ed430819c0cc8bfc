#pragma once

#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/thread_pool.hpp"
#include "core/workspace.hpp"
#include "kernels/select.hpp"
#include "model/encoder.hpp"
#include "model/weights.hpp"
#include "nn/ops.hpp"
#include "sapiens/features.hpp"

namespace sapiens {

/// An encoder with the threads, kernels and memory it runs on: what every task shares. One forward
/// pass at a time.
class Network {
 public:
  Network(const EncoderConfig& config, const EngineOptions& options);
  ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// Fills the encoder's weights; called once, before the first pass.
  void load(const ParamSource& source, const Progress& progress);

  /// The patches of `input` [B, 3, H, W]. Throws ShapeMismatch for anything smaller than a patch.
  Grid grid_of(TensorView<const float, 4> input) const;
  Index tokens(Grid grid) const noexcept { return config_.extra_tokens() + grid.patches(); }

  /// Runs the encoder; see Encoder::forward.
  void forward(TensorView<const float, 4> input, std::span<const EncoderTap> taps,
               const Progress& progress);

  /// At least `bytes` of scratch; whatever was in it is gone.
  Workspace& workspace(std::size_t bytes);

  const EncoderConfig& config() const noexcept { return config_; }
  const Ops& ops() const noexcept { return ops_; }
  /// Of what the operators did since `begin_profile`.
  Profile& profile() noexcept { return profile_; }
  const std::vector<NonFinite>& non_finite() const noexcept { return non_finite_; }
  /// What is known now; callers add what they know about the rest.
  EngineStats& stats() noexcept { return stats_; }
  const EngineStats& stats() const noexcept { return stats_; }
  /// Copies the profile into `stats().operators`.
  void report_operators();

 private:
  ConstMatrix positions_for(Grid grid);

  ThreadPool pool_;
  SelectedKernels kernels_;
  Profile profile_;
  Ops ops_;
  EncoderConfig config_;
  EncoderWeights weights_;
  std::vector<NonFinite> non_finite_;
  std::map<std::pair<Index, Index>, std::vector<float>> resized_positions_;
  std::unique_ptr<Workspace> workspace_;
  EngineStats stats_;
};

}  // namespace sapiens
