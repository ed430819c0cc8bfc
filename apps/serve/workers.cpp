#include "serve/workers.hpp"

#include <fmt/format.h>

#include <sapiens/error.hpp>
#include <system_error>
#include <utility>

namespace sapiens::serve {

Workers::Workers(std::size_t threads) : free_(threads) {
  threads_.reserve(threads);
  try {
    while (threads_.size() < threads) threads_.emplace_back([this] { loop(); });
  } catch (const std::system_error& error) {
    const std::size_t started = threads_.size();
    finish();
    throw Error(ErrorCode::OutOfResources,
                {.summary = "the server cannot have a thread for each connection",
                 .key = "--connections",
                 .expected = fmt::format("at most {}", started),
                 .actual = fmt::format("{}: {}", threads, error.what()),
                 .hint = "allow fewer connections, or more threads (ulimit -u, ulimit -v)"});
  } catch (...) {  // no memory; threads that nobody waits for would end the process
    finish();
    throw;
  }
}

void Workers::run(std::function<void()> work) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return free_ > 0; });
  --free_;
  given_.push_back(std::move(work));
  changed_.notify_all();
}

void Workers::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Workers::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return finished_ || !given_.empty(); });
    if (given_.empty()) return;
    {
      const std::function<void()> work = std::move(given_.front());
      given_.pop_front();
      lock.unlock();
      work();
    }
    lock.lock();
    ++free_;
    changed_.notify_all();
  }
}

}  // namespace sapiens::serve
