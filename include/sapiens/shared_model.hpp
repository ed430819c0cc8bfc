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

/// A model that several threads share: Encoder, TaskModel, PersonDetector or Reconstructor. It
/// gives `const` access at any time, for what does not change after loading, and mutable access,
/// which computing needs, to one thread at a time through `lock`.
///
///   SharedModel<Encoder> shared(std::make_unique<Encoder>(checkpoint));
///   auto run = shared.lock()->run(image);          // on any thread
///
/// It also enforces two rules that all language bindings share: a model does not compute in a
/// forked process, and not within a callback of its own computation.
template <typename Model>
class SharedModel {
 public:
  /// Exclusive access to the model, released by the destructor.
  class Lock {
   public:
    /// Use `SharedModel::lock`, which also checks the two rules.
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

  /// Takes ownership of `model`, which must not be null.
  explicit SharedModel(std::unique_ptr<Model> model) : model_(std::move(model)) {}
  /// In a forked process the model is leaked instead of destroyed: its threads exist only in the
  /// parent, and joining them would never return.
  ~SharedModel() {
    if (is_forked()) static_cast<void>(model_.release());
  }
  SharedModel(const SharedModel&) = delete;
  SharedModel& operator=(const SharedModel&) = delete;

  /// Access that does not compute.
  const Model& operator*() const { return *model_; }
  const Model* operator->() const { return model_.get(); }

  /// Waits for exclusive access. Meanwhile `while_waiting` is called several times per second; an
  /// exception that it throws ends the wait. Throws `Error(InvalidArgument)` in a process that was
  /// forked after this object was created, and on the thread that holds the lock, which would be a
  /// deadlock.
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
