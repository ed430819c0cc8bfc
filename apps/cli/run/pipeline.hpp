#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <sapiens/current_error.hpp>
#include <sapiens/error.hpp>
#include <system_error>
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

/// Thrown out of a computation whose result will not be written.
struct Abandoned {};

/// reader thread -> this thread -> writer thread. One item waits on either side of the computation,
/// so that it never waits for a disk, and no more than that is in memory.
///
/// The later the stage, the earlier the item: the error of the latest stage is the one that is
/// thrown, as if one thread had done everything.
template <typename Item>
class Pipeline {
 public:
  struct Stages {
    /// The next item; nothing after the last. May return early when `is_cancelled`.
    std::function<std::optional<Item>(const std::function<bool()>& is_cancelled)> read;
    /// Adds the results to the item. Calls `keep_going` now and then, which throws Abandoned.
    std::function<void(Item& item, const std::function<void()>& keep_going)> compute;
    std::function<void(Item item)> write;
  };

  explicit Pipeline(Stages stages) : stages_(std::move(stages)) {}

  void run() {
    std::future<void> reading = start([this] { read_all(); });
    const Closing end_of_reading(loaded_);  // before `reading` waits for its thread
    std::future<void> writing = start([this] { write_all(); });
    const std::exception_ptr failure = compute_all();
    writing.get();
    if (failure) std::rethrow_exception(failure);
    reading.get();
  }

 private:
  // The future waits for the thread, and hands over what it threw.
  template <typename Body>
  static std::future<void> start(Body body) {
    try {
      return std::async(std::launch::async, std::move(body));
    } catch (const std::system_error&) {
      const Error error = current_error();
      throw Error(error.code(), {.summary = "a thread did not start",
                                 .actual = error.detail().summary + "; " + error.detail().actual,
                                 .hint = error.detail().hint});
    }
  }

  // Room comes first: what waits in the queue and what is being computed are then all there is.
  void read_all() {
    const Closing done(loaded_);
    while (loaded_.wait_for_room()) {
      std::optional<Item> item = stages_.read([this] { return loaded_.closed(); });
      if (!item) return;
      loaded_.push(std::move(*item));
    }
  }

  std::exception_ptr compute_all() noexcept {
    const Closing no_more_reading(loaded_);
    const Closing done(computed_);
    const std::function<void()> keep_going = [this] {
      if (computed_.closed()) throw Abandoned{};
    };
    try {
      while (std::optional<Item> item = loaded_.pop()) {
        stages_.compute(*item, keep_going);
        if (!computed_.push(std::move(*item))) break;
      }
    } catch (...) {
      return std::current_exception();
    }
    return nullptr;
  }

  void write_all() {
    const Closing done(computed_);
    while (std::optional<Item> item = computed_.pop()) stages_.write(std::move(*item));
  }

  Stages stages_;
  BoundedQueue<Item> loaded_{1};
  BoundedQueue<Item> computed_{1};
};

}  // namespace sapiens::cli
