#include "core/thread_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/cpu_count.hpp"
#include "sapiens/error.hpp"
#include "support/stops.hpp"

namespace sapiens {
namespace {

TEST(ThreadPool, RunsEveryTaskOnce) {
  for (const int threads : {1, 2, 5}) {
    const ThreadPool pool(threads);
    std::vector<std::atomic<int>> runs(1000);
    pool.parallel_tasks(1000, [&](Index task, int) { ++runs[static_cast<std::size_t>(task)]; });
    for (const auto& count : runs) ASSERT_EQ(count, 1);
  }
}

TEST(ThreadPool, CoversARangeWithoutOverlap) {
  const ThreadPool pool(3);
  for (const Index n : {0, 1, 2, 23, 24, 25, 1001}) {
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(n));
    pool.parallel_for(n, [&](Index begin, Index end) {
      ASSERT_LT(begin, end);
      for (Index i = begin; i < end; ++i) ++runs[static_cast<std::size_t>(i)];
    });
    for (const auto& count : runs) ASSERT_EQ(count, 1);
  }
}

TEST(ThreadPool, NeverSharesAWorkerNumber) {
  const ThreadPool pool(4);
  std::vector<std::atomic<int>> inside(4);
  std::atomic<bool> shared{false};
  pool.parallel_tasks(500, [&](Index, int worker) {
    auto& mine = inside[static_cast<std::size_t>(worker)];
    if (mine.fetch_add(1) != 0) shared = true;
    std::this_thread::yield();
    mine.fetch_sub(1);
  });
  EXPECT_FALSE(shared);
}

TEST(ThreadPool, SurvivesManySmallLoops) {
  const ThreadPool pool(4);
  std::int64_t sum = 0;
  for (int loop = 0; loop < 5000; ++loop) {
    std::atomic<std::int64_t> part{0};
    pool.parallel_tasks(3, [&](Index task, int) { part += task; });
    sum += part;
  }
  EXPECT_EQ(sum, 5000 * 3);
}

TEST(ThreadPool, HandsAnExceptionToTheCallerAndStaysUsable) {
  const ThreadPool pool(3);
  for (int loop = 0; loop < 50; ++loop) {
    EXPECT_THROW(pool.parallel_tasks(100,
                                     [](Index task, int) {
                                       if (task == 7) throw std::runtime_error("seven");
                                     }),
                 std::runtime_error);
    std::atomic<int> runs{0};
    pool.parallel_tasks(10, [&](Index, int) { ++runs; });
    ASSERT_EQ(runs, 10);
  }
}

TEST(ThreadPool, RunsNestedLoopsInTheirCaller) {
  const ThreadPool pool(3);
  std::atomic<int> runs{0};
  pool.parallel_tasks(8, [&](Index, int) {
    const auto outer = std::this_thread::get_id();
    pool.parallel_tasks(5, [&](Index, int worker) {
      EXPECT_EQ(std::this_thread::get_id(), outer);
      EXPECT_EQ(worker, 0);
      ++runs;
    });
  });
  EXPECT_EQ(runs, 40);
}

TEST(ThreadPool, ServesSeveralCallersAtOnce) {
  const ThreadPool pool(3);
  std::atomic<int> runs{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int loop = 0; loop < 200; ++loop) pool.parallel_tasks(6, [&](Index, int) { ++runs; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(runs, 4 * 200 * 6);
}

TEST(ThreadPool, TakesEveryUsableCpuByDefault) {
  EXPECT_EQ(ThreadPool().threads(), usable_cpus());
  EXPECT_EQ(ThreadPool(3).threads(), 3);
}

TEST(ThreadPool, RefusesInvalidNumbersOfThreads) {
  for (const int threads : {-1, 1025}) {
    try {
      ThreadPool pool(threads);
      ADD_FAILURE() << threads;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      EXPECT_EQ(error.detail().option, "threads");
    }
  }
}

TEST(ThreadPoolWatch, EndsALoopBetweenTwoTasks) {
  for (const int threads : {1, 3}) {
    const ThreadPool pool(threads);
    const auto work = [&](const StopCheck& check) {
      const ThreadPool::Watch watch(pool, check, std::chrono::nanoseconds(0));
      // One after the other where there is one thread, and where there is one task.
      for (int loop = 0; loop < 4; ++loop) pool.parallel_tasks(1, [](Index, int) {});
      pool.parallel_tasks(1000, [](Index, int) { std::this_thread::yield(); });
    };
    if (threads == 1) {
      EXPECT_EQ(expect_stops(work, 1004), 1004);
    } else {
      EXPECT_THROW(work([] { throw Stopped{}; }), Stopped);
    }
    std::atomic<int> runs{0};
    pool.parallel_tasks(10, [&](Index, int) { ++runs; });  // without a watch, as before
    EXPECT_EQ(runs, 10);
  }
}

TEST(ThreadPoolWatch, DropsTheTasksThatHaveNotBegun) {
  const ThreadPool pool(1);
  const ThreadPool::Watch watch(
      pool,
      [calls = 0]() mutable {
        if (++calls == 4) throw Stopped{};
      },
      std::chrono::nanoseconds(0));
  int runs = 0;
  EXPECT_THROW(pool.parallel_tasks(100, [&](Index, int) { ++runs; }), Stopped);
  EXPECT_EQ(runs, 3);
}

TEST(ThreadPoolWatch, CallsOnTheThreadThatMadeItAlone) {
  const ThreadPool pool(4);
  const auto mine = std::this_thread::get_id();
  std::atomic<bool> elsewhere{false};
  const ThreadPool::Watch watch(
      pool,
      [&] {
        if (std::this_thread::get_id() != mine) elsewhere = true;
      },
      std::chrono::nanoseconds(0));
  pool.parallel_tasks(200, [&](Index, int) {
    pool.parallel_tasks(3, [](Index, int) { std::this_thread::yield(); });
  });
  std::thread other([&] { pool.parallel_tasks(50, [](Index, int) {}); });
  other.join();
  EXPECT_FALSE(elsewhere);
}

}  // namespace
}  // namespace sapiens
