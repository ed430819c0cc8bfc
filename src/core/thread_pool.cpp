#include "core/thread_pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/cpu_count.hpp"
#include "core/memory_in_use.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

using Body = FunctionRef<void(Index task, int worker)>;

// Calls a check at a limited rate, because the check may be a system call.
class PeriodicCheck {
 public:
  PeriodicCheck(std::function<void()> check, std::chrono::nanoseconds pause)
      : check_(std::move(check)), pause_(pause) {}

  bool is_for_this_thread() const noexcept { return thread_ == std::this_thread::get_id(); }

  void call_if_due() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    check_();
    next_ = now + pause_;
  }

 private:
  std::function<void()> check_;
  std::chrono::nanoseconds pause_;
  std::thread::id thread_ = std::this_thread::get_id();
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + pause_;
};

// One loop in progress. It is on the caller's stack and must not be accessed after `run` returned.
struct Loop {
  Body body;
  Index tasks;
  PeriodicCheck* watch;  // the caller's, which is worker 0; may be null
  std::atomic<Index> next{0};
  std::mutex error_mutex = {};
  std::exception_ptr error = {};

  void work(int worker) noexcept {
    try {
      for (Index task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) {
        if (worker == 0 && watch) watch->call_if_due();
        body(task, worker);
      }
    } catch (...) {
      next.store(tasks, std::memory_order_relaxed);
      const std::lock_guard lock(error_mutex);
      if (!error) error = std::current_exception();
    }
  }
};

// A try-lock that its owner may also try, as nested loops do.
struct TryLock {
  explicit TryLock(std::atomic<bool>& taken)
      : flag(taken), mine(!taken.exchange(true, std::memory_order_acquire)) {}
  ~TryLock() {
    if (mine) flag.store(false, std::memory_order_release);
  }
  TryLock(const TryLock&) = delete;
  TryLock& operator=(const TryLock&) = delete;

  std::atomic<bool>& flag;
  const bool mine;
};

// The state shared by owner and workers, in one word, so that no lock is needed:
//   bits 0-10  workers inside the loop     bit 11  the loop takes new ones     above  its number
// A worker may touch the loop only between having counted itself in, which works while the loop is
// open, and having counted itself out.
class State {
 public:
  static constexpr std::uint32_t kInside = (1u << 11) - 1, kOpen = 1u << 11, kNumber = 1u << 12;

  static constexpr bool is_open(std::uint32_t word) noexcept { return (word & kOpen) != 0; }
  static constexpr std::uint32_t inside(std::uint32_t word) noexcept { return word & kInside; }
  static constexpr std::uint32_t number(std::uint32_t word) noexcept { return word / kNumber; }

  void open_next() noexcept {
    word_.store((number(word_.load(std::memory_order_relaxed)) + 1) * kNumber | kOpen);
    word_.notify_all();
  }

  /// Admits no more workers and waits until all have left.
  void close() noexcept {
    std::uint32_t word = word_.fetch_and(~kOpen) & ~kOpen;
    for (int spin = 0; inside(word) > 0; word = word_.load()) {
      if (++spin < kSpins) {
        relax();
      } else {
        word_.wait(word);
      }
    }
  }

  /// Waits for a loop after number `seen`, enters it and returns its number.
  std::uint32_t enter_after(std::uint32_t seen) noexcept {
    std::uint32_t word = word_.load();
    for (int spin = 0;; word = word_.load()) {
      if (is_open(word) && number(word) != seen) {
        if (word_.compare_exchange_weak(word, word + 1)) return number(word);
      } else if (++spin < kSpins) {
        relax();
      } else {
        word_.wait(word);
      }
    }
  }

  void leave() noexcept {
    const std::uint32_t left = word_.fetch_sub(1) - 1;
    if (inside(left) == 0 && !is_open(left)) word_.notify_all();
  }

 private:
  // The gap between two steps of a forward pass is a few microseconds, while sleeping and waking
  // takes about 50. A thread therefore spins for about that long before it sleeps.
  static constexpr int kSpins = 2000;
  static void relax() noexcept {
#ifdef __x86_64__
    __builtin_ia32_pause();
#endif
  }

  alignas(64) std::atomic<std::uint32_t> word_{0};
};

}  // namespace

class ThreadPool::Impl {
 public:
  explicit Impl(int threads) {
    try {
      workers_.reserve(static_cast<std::size_t>(threads));
      for (int worker = 1; worker < threads; ++worker) {
        workers_.emplace_back([this, worker] { serve(worker); });
      }
    } catch (const std::system_error& error) {
      stop();
      throw Error(ErrorCode::OutOfResources, {.summary = "a worker thread did not start",
                                              .expected = std::to_string(threads) + " threads",
                                              .actual = error.what() + ("; " + memory_in_use()),
                                              .hint = "ask for fewer threads"});
    } catch (...) {
      // Out of memory or threads: those already started must be joined, or they would end the
      // process.
      stop();
      throw;
    }
  }

  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  int threads() const noexcept { return static_cast<int>(workers_.size()) + 1; }

  void run(Index tasks, Body body) {
    const TryLock lock(taken_);
    PeriodicCheck* const watch =
        lock.mine && watch_ && watch_->is_for_this_thread() ? watch_.get() : nullptr;
    if (!lock.mine || tasks == 1 || workers_.empty()) {
      for (Index task = 0; task < tasks; ++task) {
        if (watch) watch->call_if_due();
        body(task, 0);
      }
      return;
    }
    Loop loop{.body = body, .tasks = tasks, .watch = watch};
    loop_ = &loop;
    state_.open_next();
    loop.work(0);
    state_.close();
    loop_ = nullptr;
    if (loop.error) std::rethrow_exception(loop.error);
  }

  void set_watch(std::unique_ptr<PeriodicCheck> watch) noexcept { watch_ = std::move(watch); }

 private:
  void serve(int worker) noexcept {
    for (std::uint32_t seen = 0;;) {
      seen = state_.enter_after(seen);
      Loop* const loop = loop_;
      if (loop != nullptr) loop->work(worker);
      state_.leave();
      if (loop == nullptr) return;
    }
  }

  // A null loop makes the workers exit. It stays open until the last one has read it.
  void stop() noexcept {
    loop_ = nullptr;
    state_.open_next();
    for (std::thread& worker : workers_) worker.join();
  }

  State state_;
  Loop* loop_ = nullptr;            // published and withdrawn by state_
  std::atomic<bool> taken_{false};  // held by the caller whose loop is running
  std::unique_ptr<PeriodicCheck> watch_;
  std::vector<std::thread> workers_;
};

ThreadPool::ThreadPool(int threads) {
  constexpr int kMax = 1024;
  static_assert(kMax <= State::kInside);
  if (threads < 0 || threads > kMax) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "the number of threads is out of range",
                                             .option = "threads",
                                             .expected = fmt::format("0 (all) to {}", kMax),
                                             .actual = std::to_string(threads)});
  }
  impl_ = std::make_unique<Impl>(threads == 0 ? std::min(usable_cpus(), kMax) : threads);
}

ThreadPool::~ThreadPool() = default;

int ThreadPool::threads() const noexcept { return impl_->threads(); }

void ThreadPool::parallel_tasks(Index tasks, FunctionRef<void(Index, int)> body) const {
  if (tasks > 0) impl_->run(tasks, body);
}

ThreadPool::Watch::Watch(const ThreadPool& pool, std::function<void()> check,
                         std::chrono::nanoseconds pause)
    : pool_(pool) {
  if (check) pool_.impl_->set_watch(std::make_unique<PeriodicCheck>(std::move(check), pause));
}

ThreadPool::Watch::~Watch() { pool_.impl_->set_watch(nullptr); }

void ThreadPool::parallel_for(Index n, FunctionRef<void(Index, Index)> body) const {
  // Several ranges per thread, so that one on a disturbed core does not hold up the rest.
  constexpr Index kRangesPerThread = 8;
  const Index ranges = std::min<Index>(n, kRangesPerThread * threads());
  parallel_tasks(ranges,
                 [&](Index range, int) { body(n * range / ranges, n * (range + 1) / ranges); });
}

}  // namespace sapiens
