#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sapiens::serve {

/// Threads that run what they are given, in its order. Of idle threads the one that worked last is
/// called: each thread that has ever worked keeps memory in caches of the C library.
class Workers {
 public:
  /// Throws `Error(OutOfResources)` if the system cannot start that many threads.
  explicit Workers(std::size_t threads);
  ~Workers() { finish(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Does not wait. Throws std::bad_alloc.
  void run(std::function<void()> work);

  /// Whether something waits for a thread.
  bool are_all_taken() const;
  /// Waits until less than `most` does.
  void wait_for_room(std::size_t most);

  /// Waits for all that was given. Nothing may be given afterwards.
  void finish();

 private:
  struct Idle {
    std::condition_variable called;
    bool is_called = false;
  };

  void loop();
  void call_last_idle();

  mutable std::mutex mutex_;
  std::condition_variable taken_;
  std::deque<std::function<void()>> given_;
  std::vector<Idle*> idle_;  // the one that worked last is the last one
  bool finished_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sapiens::serve
