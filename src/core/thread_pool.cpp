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
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

using Body = FunctionRef<void(Index task, int worker)>;

// Calls a check, but not at every opportunity: it may ask the kernel.
class Lookout {
 public:
  Lookout(std::function<void()> check, std::chrono::nanoseconds pause)
      : check_(std::move(check)), pause_(pause) {}

  bool is_for_this_thread() const noexcept { return thread_ == std::this_thread::get_id(); }

  void look() {
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

// One loop in progress. It lives on the caller's stack: nobody may touch it after `run` returned.
struct Loop {
  Body body;
  Index tasks;
  Lookout* lookout;  // of the caller, who is worker 0; null without one
  std::atomic<Index> next{0};
  std::mutex error_mutex = {};
  std::exception_ptr error = {};

  void work(int worker) noexcept {
    try {
      for (Index task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) {
        if (worker == 0 && lookout) lookout->look();
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

// What owner and workers agree on, in one word, so that nobody needs a lock:
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

  /// Takes no new workers and waits until all are out.
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

  /// Waits for a loop after `seen` and counts itself in; returns its number.
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
  // The gap between two steps of a forward pass is some microseconds; going to sleep and waking up
  // takes about 50. So a thread looks around for about that long before it sleeps.
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
                                              .actual = error.what(),
                                              .hint = "ask for fewer threads"});
    } catch (...) {  // no memory; threads that nobody waits for would end the process
      stop();
      throw;
    }
  }

  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  int threads() const noexcept { return static_cast<int>(workers_.size()) + 1; }

  void run(Index tasks, Body body) {
    const Turn turn(taken_);
    Lookout* const lookout =
        turn.mine && lookout_ && lookout_->is_for_this_thread() ? lookout_.get() : nullptr;
    if (!turn.mine || tasks == 1 || workers_.empty()) {
      for (Index task = 0; task < tasks; ++task) {
        if (lookout) lookout->look();
        body(task, 0);
      }
      return;
    }
    Loop loop{.body = body, .tasks = tasks, .lookout = lookout};
    loop_ = &loop;
    state_.open_next();
    loop.work(0);
    state_.close();
    if (loop.error) std::rethrow_exception(loop.error);
  }

  void set_lookout(std::unique_ptr<Lookout> lookout) noexcept { lookout_ = std::move(lookout); }

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

  // A loop that is none sends the workers home. It stays open until the last one has seen it.
  void stop() noexcept {
    loop_ = nullptr;
    state_.open_next();
    for (std::thread& worker : workers_) worker.join();
  }

  State state_;
  Loop* loop_ = nullptr;            // published and taken back by state_
  std::atomic<bool> taken_{false};  // by the caller whose loop is running
  std::unique_ptr<Lookout> lookout_;
  std::vector<std::thread> workers_;
};

ThreadPool::ThreadPool(int threads) {
  constexpr int kMax = 1024;
  static_assert(kMax <= State::kInside);
  if (threads < 0 || threads > kMax) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "this number of threads cannot be",
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
  if (check) pool_.impl_->set_lookout(std::make_unique<Lookout>(std::move(check), pause));
}

ThreadPool::Watch::~Watch() { pool_.impl_->set_lookout(nullptr); }

void ThreadPool::parallel_for(Index n, FunctionRef<void(Index, Index)> body) const {
  // Several ranges per thread, so that one on a disturbed core does not hold up the rest.
  constexpr Index kRangesPerThread = 8;
  const Index ranges = std::min<Index>(n, kRangesPerThread * threads());
  parallel_tasks(ranges,
                 [&](Index range, int) { body(n * range / ranges, n * (range + 1) / ranges); });
}

}  // namespace sapiens
