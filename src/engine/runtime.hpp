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

/// The threads, kernels and memory that a network runs on, whatever network it is.
class Runtime {
 public:
  explicit Runtime(const EngineOptions& options);
  ~Runtime() = default;
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// At least `bytes` of scratch; whatever was in it is gone.
  Workspace& workspace(std::size_t bytes);

  const Ops& ops() const noexcept { return ops_; }
  /// What the operators did in this run.
  Profile& profile() noexcept { return profile_; }
  /// What is known now; callers add what they know about the rest.
  EngineStats& stats() noexcept { return stats_; }
  const EngineStats& stats() const noexcept { return stats_; }
  /// Begins a run: forgets what operators did before.
  void begin_run() noexcept { profile_.clear(); }
  /// What operators did since then.
  std::vector<OperatorTime> operators() const;

 private:
  ThreadPool pool_;
  SelectedKernels kernels_;
  Profile profile_;
  Ops ops_;
  std::unique_ptr<Workspace> workspace_;
  EngineStats stats_;
};

}  // namespace sapiens
