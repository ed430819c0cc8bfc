#include "kernels/fma_peak.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>

namespace sapiens {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Enough steps for about 10 ms, found by doubling.
std::int64_t steps_for_10_ms(const KernelTable& kernels) {
  for (std::int64_t steps = 1024;; steps *= 2) {
    const auto start = Clock::now();
    kernels.fma_loop(steps);
    if (seconds_since(start) > 0.01) return steps;
  }
}

}  // namespace

double fma_peak_gflops(const KernelTable& kernels, const ThreadPool& pool) {
  constexpr int kWarmUps = 3, kRuns = 15;  // CPUs lower their clock after some ms of wide vectors
  constexpr Index kTasksPerThread = 2;
  const std::int64_t steps = steps_for_10_ms(kernels) / kTasksPerThread;
  double best = 0;
  for (int run = -kWarmUps; run < kRuns; ++run) {
    std::atomic<std::int64_t> operations{0};
    const auto start = Clock::now();
    pool.parallel_tasks(kTasksPerThread * pool.threads(),
                        [&](Index, int) { operations += kernels.fma_loop(steps); });
    const double gflops = static_cast<double>(operations) / seconds_since(start) * 1e-9;
    if (run >= 0) best = std::max(best, gflops);
  }
  return best;
}

}  // namespace sapiens
