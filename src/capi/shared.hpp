#pragma once

#include <unistd.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "sapiens/error.hpp"

namespace sapiens::capi {

/// A model behind a handle. That threads may share it is a matter of types: everybody sees a
/// `const` model, whose functions, but for `stats`, read what never changes after loading; to
/// compute takes one that is not `const`, and that is what a lock gives, to one call at a time.
template <typename Model>
class Shared {
 public:
  /// Lasts until it is destroyed.
  class Lock {
   public:
    explicit Lock(Shared& shared) : shared_(shared), lock_(shared.mutex_) {
      shared_.holder_ = std::this_thread::get_id();
    }
    ~Lock() { shared_.holder_ = std::thread::id(); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    Model& operator*() const { return *shared_.model_; }
    Model* operator->() const { return shared_.model_.get(); }

   private:
    Shared& shared_;
    std::lock_guard<std::mutex> lock_;
  };

  template <typename... Arguments>
  explicit Shared(const Arguments&... arguments) : model_(std::make_unique<Model>(arguments...)) {}
  // The model's threads stayed behind in the process that was forked; to wait for them would take
  // forever. The child's copy of the memory is never freed.
  ~Shared() {
    if (is_forked()) static_cast<void>(model_.release());
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  const Model* operator->() const { return model_.get(); }

  /// Waits for those who came before. Throws InvalidArgument in a process that was forked, and in a
  /// progress function of the call that has the lock, which would wait for itself.
  [[nodiscard]] Lock lock() {
    if (is_forked()) {
      throw Error(
          ErrorCode::InvalidArgument,
          {.summary = "a model cannot compute in a process that was forked after it was loaded",
           .hint = "load it in the child"});
    }
    if (holder_ == std::this_thread::get_id()) {
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = "a progress function computes with the model that called it",
                   .hint = "let the call end first, or load a second model"});
    }
    return Lock(*this);
  }

 private:
  bool is_forked() const { return getpid() != process_; }

  std::unique_ptr<Model> model_;
  std::mutex mutex_;
  std::atomic<std::thread::id> holder_ = {};
  const pid_t process_ = getpid();
};

}  // namespace sapiens::capi
