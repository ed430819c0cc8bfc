#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <sapiens/checkpoint.hpp>
#include <sapiens/error.hpp>
#include <thread>
#include <utility>

#include "gil.hpp"

namespace sapiens::python {

/// A model that Python's threads share. Its calls run one after the other and without the GIL.
///
/// The lock is taken after the GIL is released and given back before the GIL is taken again. So
/// nobody who holds the GIL waits for the lock, and who holds the lock may wait for the GIL.
template <typename Model>
class Shared {
 public:
  /// `load()` makes the model.
  template <typename Load>
  explicit Shared(Load load) {
    const WithoutGil no_gil;
    model_ = std::make_unique<Model>(load());
  }
  // The threads of the model stayed behind in the process that was forked; to wait for them would
  // take forever. The child's copy of the memory is never freed.
  ~Shared() {
    if (is_forked()) static_cast<void>(model_.release());
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  /// `compute(model, progress)`, which must not touch Python. Ctrl-C ends the wait for other calls
  /// too, and the computation if it tells `progress`.
  template <typename Compute>
  auto call(Compute compute) {
    if (is_forked()) refuse_fork();
    if (holder_ == std::this_thread::get_id()) refuse_nesting();
    const Progress progress = interruptible();
    const WithoutGil no_gil;
    const Lock held(*this, progress);
    return compute(*model_, progress);
  }

  /// For what any thread may ask while others compute.
  const Model& model() const { return *model_; }

 private:
  class Lock {
   public:
    Lock(Shared& shared, const Progress& progress)
        : shared_(shared), lock_(wait(shared, progress)) {
      shared_.holder_ = std::this_thread::get_id();
    }
    ~Lock() { shared_.holder_ = std::thread::id(); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    using MutexLock = std::unique_lock<std::timed_mutex>;

    static MutexLock wait(Shared& shared, const Progress& progress) {
      if (!progress) return MutexLock(shared.mutex_);
      MutexLock lock(shared.mutex_, std::defer_lock);
      while (!lock.try_lock_for(std::chrono::milliseconds(200))) progress(0);
      return lock;
    }

    Shared& shared_;
    MutexLock lock_;
  };

  bool is_forked() const { return getpid() != process_; }

  [[noreturn]] static void refuse_fork() {
    throw Error(
        ErrorCode::InvalidArgument,
        {.summary = "a model cannot be used in a process that was forked after it was opened",
         .hint = "open it in the child, or start processes with the method \"spawn\""});
  }

  // It would wait for itself.
  [[noreturn]] static void refuse_nesting() {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "a signal handler uses the model that it interrupts",
                 .hint = "let the call end first, or open a second model"});
  }

  std::unique_ptr<Model> model_;
  std::timed_mutex mutex_;
  std::atomic<std::thread::id> holder_ = {};
  pid_t process_ = getpid();
};

}  // namespace sapiens::python
