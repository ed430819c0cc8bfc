#include "serve/workers.hpp"

#include <fmt/format.h>

#include <sapiens/error.hpp>
#include <system_error>
#include <utility>

#include "core/memory_in_use.hpp"

namespace sapiens::serve {

Workers::Workers(std::size_t threads) {
  threads_.reserve(threads);
  idle_.reserve(threads);
  try {
    while (threads_.size() < threads) threads_.emplace_back([this] { loop(); });
  } catch (const std::system_error& error) {
    const std::size_t started = threads_.size();
    finish();
    throw Error(ErrorCode::OutOfResources,
                {.summary = "the server cannot have a thread for each connection",
                 .key = "--connections",
                 .expected = fmt::format("at most {}", started),
                 .actual = fmt::format("{}: {}; {}", threads, error.what(), memory_in_use()),
                 .hint = "allow fewer connections, or more threads (ulimit -u, ulimit -v)"});
  } catch (...) {  // no memory; destroying threads that are not joined would end the process
    finish();
    throw;
  }
}

void Workers::run(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  given_.push_back(std::move(work));
  if (!idle_.empty()) call_last_idle();
}

void Workers::call_last_idle() {
  Idle& idle = *idle_.back();
  idle_.pop_back();
  idle.is_called = true;
  idle.called.notify_one();  // under the lock: it may be gone as soon as the thread has that
}

bool Workers::are_all_taken() const {
  const std::lock_guard lock(mutex_);
  return !given_.empty();
}

void Workers::wait_for_room(std::size_t most) {
  std::unique_lock lock(mutex_);
  taken_.wait(lock, [&] { return finished_ || given_.size() < most; });
}

void Workers::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    while (!idle_.empty()) call_last_idle();
  }
  taken_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Workers::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    while (given_.empty() && !finished_) {
      Idle idle;
      idle_.push_back(&idle);
      idle.called.wait(lock, [&] { return idle.is_called; });
    }
    if (given_.empty()) return;
    {
      const std::function<void()> work = std::move(given_.front());
      given_.pop_front();
      lock.unlock();
      taken_.notify_all();
      work();
    }
    lock.lock();
  }
}

}  // namespace sapiens::serve
