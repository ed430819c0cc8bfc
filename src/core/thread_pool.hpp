#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "core/function_ref.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Threads that execute loops. The caller takes part, so a pool of 1 has no thread of its own.
///
/// One loop runs at a time. A loop started inside a task, or by another thread while the pool is
/// busy, runs in its caller alone, in order: correct, only not parallel.
class ThreadPool {
 public:
  /// Starts `threads` threads; 0 means one per CPU that this process may use (affinity mask and
  /// control group). Throws `Error`: InvalidArgument unless 0 to 1024, OutOfResources if a thread
  /// cannot be started.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const noexcept;

  /// Calls `body(task, worker)` once for each task in [0, tasks), taken in order by whichever
  /// thread is free. `worker` is in [0, threads()), and no two tasks run at once with the same one,
  /// so it can pick a slice of scratch memory. Allocates nothing. The first exception of a task is
  /// thrown here, after the tasks in flight have ended; tasks not yet begun are dropped.
  void parallel_tasks(Index tasks, FunctionRef<void(Index task, int worker)> body) const;

  /// During its lifetime, `check` is called between the tasks of loops that this thread starts, on
  /// this thread and not more often than every `pause`; an exception that it throws ends a loop as
  /// a task's exception does. Only one may exist at a time, created and destroyed while no other
  /// thread runs loops; with an empty `check` it has no effect.
  class Watch {
   public:
    static constexpr std::chrono::milliseconds kPause{20};

    Watch(const ThreadPool& pool, std::function<void()> check,
          std::chrono::nanoseconds pause = kPause);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    const ThreadPool& pool_;
  };

  /// Cuts [0, n) into a few ranges per thread and calls `body(begin, end)` on each.
  void parallel_for(Index n, FunctionRef<void(Index begin, Index end)> body) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sapiens
