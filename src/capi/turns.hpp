#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "sapiens/error.hpp"

namespace sapiens::capi {

/// Models compute one call at a time: whoever calls waits for a turn.
class Turns {
 public:
  /// Holds the turn until it is destroyed.
  class Turn {
   public:
    explicit Turn(Turns& turns) : turns_(turns), lock_(turns.mutex_) {
      turns_.holder_ = std::this_thread::get_id();
    }
    ~Turn() { turns_.holder_ = std::thread::id(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Turns& turns_;
    std::lock_guard<std::mutex> lock_;
  };

  /// Waits. Throws InvalidArgument where it would wait for ever: in a progress function of the
  /// call that has the turn.
  [[nodiscard]] Turn take() {
    if (holder_ == std::this_thread::get_id()) {
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = "a progress function computes with the model that called it",
                   .hint = "let the call end first, or load a second model"});
    }
    return Turn(*this);
  }

 private:
  std::mutex mutex_;
  std::atomic<std::thread::id> holder_ = {};
};

}  // namespace sapiens::capi
