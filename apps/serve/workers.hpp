#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sapiens::serve {

/// Threads that run what they are given. Whoever gives more than there are threads waits, so that
/// no more connections are accepted than can be answered.
class Workers {
 public:
  /// Throws `Error(OutOfResources)` where the system does not have so many.
  explicit Workers(std::size_t threads);
  ~Workers() { finish(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Waits for a free thread.
  void run(std::function<void()> work);

  /// Waits for all that was given. Nothing may be given afterwards.
  void finish();

 private:
  void loop();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> given_;
  std::size_t free_ = 0;
  bool finished_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sapiens::serve
