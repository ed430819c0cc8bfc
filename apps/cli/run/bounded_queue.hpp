#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace sapiens::cli {

/// Hands values from one thread to another in order, at most `capacity` at a time.
///
/// Either end closes it: the giver when there is no more, the taker when it wants no more. What is
/// in it can still be taken.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  /// Waits until a `push` would not. False once the queue is closed.
  bool wait_for_room() {
    std::unique_lock lock(mutex_);
    return has_room(lock);
  }

  /// Waits for room. False if the queue is closed, and `value` is lost.
  bool push(T value) {
    {
      std::unique_lock lock(mutex_);
      if (!has_room(lock)) return false;
      values_.push_back(std::move(value));
    }
    changed_.notify_all();
    return true;
  }

  /// Waits for a value. Nothing once the queue is closed and empty.
  std::optional<T> pop() {
    std::optional<T> value;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closed_ || !values_.empty(); });
      if (values_.empty()) return std::nullopt;
      value = std::move(values_.front());
      values_.pop_front();
    }
    changed_.notify_all();
    return value;
  }

  void close() noexcept {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
  }

  bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  bool has_room(std::unique_lock<std::mutex>& lock) {
    changed_.wait(lock, [this] { return closed_ || values_.size() < capacity_; });
    return !closed_;
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> values_;
  bool closed_ = false;
};

/// Closes a queue at the end of a scope, whatever ends it.
template <typename T>
class Closing {
 public:
  explicit Closing(BoundedQueue<T>& queue) : queue_(queue) {}
  ~Closing() { queue_.close(); }
  Closing(const Closing&) = delete;
  Closing& operator=(const Closing&) = delete;

 private:
  BoundedQueue<T>& queue_;
};

}  // namespace sapiens::cli
