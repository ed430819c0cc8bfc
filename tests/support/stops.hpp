#pragma once

#include <gtest/gtest.h>

#include "sapiens/stop_check.hpp"

namespace sapiens {

struct Stopped {};

/// Runs `work(check)` to its end, and then again and again, stopping it at one call of the check
/// after the other: each time what the check threw comes out, and the check is not called again.
/// Beyond `least_calls` a run may end before that call, since some checks depend on the time.
/// Returns how often the check was called in the first run.
template <typename Work>
int expect_stops(Work work, int least_calls) {
  int all = 0;
  work(StopCheck([&] { ++all; }));
  EXPECT_GE(all, least_calls);
  for (int last = 1; last <= all; last += last < 8 ? 1 : all / 8 + 1) {
    int calls = 0;
    const StopCheck check = [&] {
      if (++calls == last) throw Stopped{};
    };
    bool stopped = false;
    try {
      work(check);
    } catch (const Stopped&) {
      stopped = true;
    }
    EXPECT_TRUE(stopped || (calls < last && last > least_calls))
        << "call " << last << " of " << all;
    if (stopped) {
      EXPECT_EQ(calls, last);
    }
  }
  return all;
}

}  // namespace sapiens
