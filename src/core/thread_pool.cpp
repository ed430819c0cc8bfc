#include "core/thread_pool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "core/cpu_count.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

using Body = FunctionRef<void(Index task, int worker)>;

// One loop in progress. It lives on the caller's stack: nobody may touch it after `run` returned.
struct Loop {
  Body body;
  Index tasks;
  std::atomic<Index> next{0};
  std::mutex error_mutex = {};
  std::exception_ptr error = {};

  void work(int worker) noexcept {
    try {
      for (Index task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) {
        body(task, worker);
      }
    } catch (...) {
      next.store(tasks, std::memory_order_relaxed);
      const std::lock_guard lock(error_mutex);
      if (!error) error = std::current_exception();
    }
  }
};

// A try-lock that a thread may also try while it holds it, as nested loops do.
struct Turn {
  explicit Turn(std::atomic<bool>& taken)
      : flag(taken), mine(!taken.exchange(true, std::memory_order_acquire)) {}
  ~Turn() {
    if (mine) flag.store(false, std::memory_order_release);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  std::atomic<bool>& flag;
  const bool mine;
};

}  // namespace

class ThreadPool::Impl {
 public:
  explicit Impl(int threads) {
    try {
      for (int worker = 1; worker < threads; ++worker) {
        workers_.emplace_back([this, worker] { serve(worker); });
      }
    } catch (const std::system_error& error) {
      stop();
      throw Error(ErrorCode::OutOfResources, {.summary = "a worker thread did not start",
                                              .expected = std::to_string(threads) + " threads",
                                              .actual = error.what(),
                                              .hint = "ask for fewer threads"});
    }
  }

  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  int threads() const noexcept { return static_cast<int>(workers_.size()) + 1; }

  void run(Index tasks, Body body) {
    const Turn turn(taken_);
    if (!turn.mine || tasks == 1 || workers_.empty()) {
      for (Index task = 0; task < tasks; ++task) body(task, 0);
      return;
    }
    Loop loop{.body = body, .tasks = tasks};
    publish(&loop);
    loop.work(0);
    retire();
    if (loop.error) std::rethrow_exception(loop.error);
  }

 private:
  void publish(Loop* loop) {
    {
      const std::lock_guard lock(mutex_);
      loop_ = loop;
      ++generation_;
    }
    wake_.notify_all();
  }

  // Waits only for workers that joined in: one that wakes up late finds no loop and sleeps on.
  void retire() {
    std::unique_lock lock(mutex_);
    loop_ = nullptr;
    idle_.wait(lock, [this] { return busy_ == 0; });
  }

  void serve(int worker) {
    std::unique_lock lock(mutex_);
    for (std::uint64_t seen = 0;;) {
      wake_.wait(lock, [&] { return stop_ || (loop_ != nullptr && generation_ != seen); });
      if (stop_) return;
      seen = generation_;
      Loop* const loop = loop_;
      ++busy_;
      lock.unlock();
      loop->work(worker);
      lock.lock();
      if (--busy_ == 0) idle_.notify_one();
    }
  }

  void stop() noexcept {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  std::atomic<bool> taken_{false};  // by the caller whose loop is running
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  Loop* loop_ = nullptr;
  std::uint64_t generation_ = 0;
  int busy_ = 0;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

ThreadPool::ThreadPool(int threads) {
  if (threads < 0) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "the number of threads is negative",
                                             .expected = "0 (all) or more",
                                             .actual = std::to_string(threads)});
  }
  impl_ = std::make_unique<Impl>(threads == 0 ? usable_cpus() : threads);
}

ThreadPool::~ThreadPool() = default;

int ThreadPool::threads() const noexcept { return impl_->threads(); }

void ThreadPool::parallel_tasks(Index tasks, FunctionRef<void(Index, int)> body) const {
  if (tasks > 0) impl_->run(tasks, body);
}

void ThreadPool::parallel_for(Index n, FunctionRef<void(Index, Index)> body) const {
  // Several ranges per thread, so that one on a disturbed core does not hold up the rest.
  constexpr Index kRangesPerThread = 8;
  const Index ranges = std::min<Index>(n, kRangesPerThread * threads());
  parallel_tasks(ranges,
                 [&](Index range, int) { body(n * range / ranges, n * (range + 1) / ranges); });
}

}  // namespace sapiens
