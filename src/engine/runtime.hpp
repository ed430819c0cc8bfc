#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/thread_pool.hpp"
#include "core/workspace.hpp"
#include "kernels/select.hpp"
#include "nn/ops.hpp"
#include "nn/profile.hpp"
#include "sapiens/features.hpp"

namespace sapiens {

/// Threads, kernels and memory for the passes of a network.
class Runtime {
 public:
  explicit Runtime(const EngineOptions& options);
  ~Runtime() = default;
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// Runs `pass(workspace, progress)` twice: in a workspace that only measures, without progress,
  /// and then in exactly the measured amount of memory.
  template <class Pass>
  void run_pass(const Pass& pass, const Progress& progress) {
    pass(workspace(measured_bytes([&](Workspace& measuring) { pass(measuring, Progress()); })),
         progress);
  }

  const Ops& ops() const noexcept { return ops_; }
  /// Times of the operators in this run.
  Profile& profile() noexcept { return profile_; }
  /// Statistics of the runtime; callers add those of the model.
  EngineStats& stats() noexcept { return stats_; }
  const EngineStats& stats() const noexcept { return stats_; }
  /// Begins a run and resets the times of operators.
  void begin_run() noexcept { profile_.clear(); }
  /// Times of the operators since the run began.
  std::vector<OperatorTime> operators() const;

 private:
  // At least `bytes` of scratch memory, with undefined content.
  Workspace& workspace(std::size_t bytes);

  ThreadPool pool_;
  SelectedKernels kernels_;
  Profile profile_;
  Ops ops_;
  std::unique_ptr<Workspace> workspace_;
  EngineStats stats_;
};

}  // namespace sapiens
