#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "sapiens/error.hpp"

namespace sapiens {

/// A model that threads share: Encoder, TaskModel, PersonDetector or Reconstructor. Whoever has
/// none but this object reads what never changes after loading, through a `const` model, at any
/// time; to compute takes a model that is not `const`, which `lock` gives to one call at a time.
///
/// It is public because every interface in front of the library, such as the C API and the Python
/// package, has to keep the same two rules: no computing in a forked process, and no call of a
/// model from within a call of the same model.
template <typename Model>
class SharedModel {
 public:
  /// The right to compute, until it is destroyed.
  class Lock {
   public:
    Lock(SharedModel& shared, const std::function<void()>& while_waiting)
        : shared_(shared), lock_(wait(shared.mutex_, while_waiting)) {
      shared_.holder_ = std::this_thread::get_id();
    }
    ~Lock() { shared_.holder_ = std::thread::id(); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    Model& operator*() const { return *shared_.model_; }
    Model* operator->() const { return shared_.model_.get(); }

   private:
    using MutexLock = std::unique_lock<std::timed_mutex>;

    static MutexLock wait(std::timed_mutex& mutex, const std::function<void()>& while_waiting) {
      if (!while_waiting) return MutexLock(mutex);
      MutexLock lock(mutex, std::defer_lock);
      while (!lock.try_lock_for(std::chrono::milliseconds(200))) while_waiting();
      return lock;
    }

    SharedModel& shared_;
    MutexLock lock_;
  };

  explicit SharedModel(std::unique_ptr<Model> model) : model_(std::move(model)) {}
  /// The model's threads stayed behind in the process that was forked, and waiting for them would
  /// never end: the child's copy of the memory is not freed.
  ~SharedModel() {
    if (is_forked()) static_cast<void>(model_.release());
  }
  SharedModel(const SharedModel&) = delete;
  SharedModel& operator=(const SharedModel&) = delete;

  const Model& operator*() const { return *model_; }
  const Model* operator->() const { return model_.get(); }

  /// Waits for the calls that came before, and calls `while_waiting` a few times per second of it;
  /// what that throws ends the wait. Throws InvalidArgument in a process that was forked, and on
  /// the thread that has the lock, which would wait for itself.
  [[nodiscard]] Lock lock(const std::function<void()>& while_waiting = {}) {
    if (is_forked()) {
      throw Error(
          ErrorCode::InvalidArgument,
          {.summary = "a model cannot compute in a process that was forked after it was loaded",
           .hint = "load it in the child, or start processes without fork"});
    }
    if (holder_ == std::this_thread::get_id()) {
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = "a progress function or a signal handler computes with the model "
                              "that it interrupts",
                   .hint = "let the call end first, or load a second model"});
    }
    return Lock(*this, while_waiting);
  }

 private:
  bool is_forked() const { return getpid() != process_; }

  std::unique_ptr<Model> model_;
  std::timed_mutex mutex_;
  std::atomic<std::thread::id> holder_ = {};
  const pid_t process_ = getpid();
};

}  // namespace sapiens
