#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

#include "cli/run/pipeline.hpp"

namespace sapiens::cli {
namespace {

using Number = std::unique_ptr<int>;  // moved, never copied

TEST(BoundedQueue, KeepsTheOrder) {
  BoundedQueue<Number> queue(2);
  const auto giving = std::async(std::launch::async, [&] {
    for (int i = 0; i < 1000; ++i) queue.push(std::make_unique<int>(i));
    queue.close();
  });
  int next = 0;
  while (const std::optional<Number> number = queue.pop()) EXPECT_EQ(**number, next++);
  EXPECT_EQ(next, 1000);
}

TEST(BoundedQueue, NeverHoldsMoreThanItsCapacity) {
  BoundedQueue<Number> queue(1);
  std::atomic<int> made = 0;
  const auto giving = std::async(std::launch::async, [&] {
    while (queue.wait_for_room()) {
      ++made;
      queue.push(std::make_unique<int>(made));
    }
  });
  for (int taken = 1; taken <= 1000; ++taken) {
    ASSERT_TRUE(queue.pop());
    // One more may be made or wait already, but none beyond it.
    ASSERT_LE(made, taken + 1);
  }
  queue.close();
}

TEST(BoundedQueue, AClosedQueueRefusesItemsAndReturnsTheRest) {
  BoundedQueue<Number> queue(2);
  EXPECT_TRUE(queue.push(std::make_unique<int>(1)));
  queue.close();
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.wait_for_room());
  EXPECT_FALSE(queue.push(std::make_unique<int>(2)));
  EXPECT_EQ(**queue.pop(), 1);
  EXPECT_FALSE(queue.pop());
}

TEST(BoundedQueue, WakesWhoeverWaitsWhenItIsClosed) {
  BoundedQueue<Number> empty(1), full(1);
  full.push(std::make_unique<int>(1));
  auto taking = std::async(std::launch::async, [&] { return empty.pop().has_value(); });
  auto giving = std::async(std::launch::async, [&] { return full.push(nullptr); });
  empty.close();
  full.close();
  EXPECT_FALSE(taking.get());
  EXPECT_FALSE(giving.get());
}

}  // namespace
}  // namespace sapiens::cli
