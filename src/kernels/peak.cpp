#include "kernels/peak.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <numeric>

#include "core/aligned_buffer.hpp"
#include "core/stopwatch.hpp"

namespace sapiens {
namespace {

// The number of steps that take about 10 ms, found by doubling.
std::int64_t steps_for_10_ms(PeakLoop loop) {
  for (std::int64_t steps = 1024;; steps *= 2) {
    const Stopwatch watch;
    loop(steps);
    if (watch.seconds() > 0.01) return steps;
  }
}

}  // namespace

double peak_gops(PeakLoop loop, const ThreadPool& pool) {
  // CPUs lower their clock after a few ms of wide vectors, hence the warm-up runs.
  constexpr int kWarmUps = 3, kRuns = 30;
  constexpr Index kTasksPerThread = 2;
  const std::int64_t steps = steps_for_10_ms(loop) / kTasksPerThread;
  double best = 0;
  for (int run = -kWarmUps; run < kRuns; ++run) {
    std::atomic<std::int64_t> operations{0};
    const Stopwatch watch;
    pool.parallel_tasks(kTasksPerThread * pool.threads(),
                        [&](Index, int) { operations += loop(steps); });
    const double gops = static_cast<double>(operations) / watch.seconds() * 1e-9;
    if (run >= 0) best = std::max(best, gops);
  }
  return best;
}

double memory_gbytes_per_second(const ThreadPool& pool) {
  constexpr Index kBytes = Index{256} << 20, kTasks = 256, kPasses = 5;
  const AlignedBuffer<std::uint64_t> memory = [] {
    AlignedBuffer<std::uint64_t> words(kBytes / 8);
    std::ranges::fill(words.span(), 1);  // pages that were never written to share one physical page
    return words;
  }();
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    std::atomic<std::uint64_t> total{0};
    const Stopwatch watch;
    pool.parallel_tasks(kTasks, [&](Index task, int) {
      const auto part = memory.span().subspan(static_cast<std::size_t>(task * kBytes / 8 / kTasks),
                                              static_cast<std::size_t>(kBytes / 8 / kTasks));
      total += std::accumulate(part.begin(), part.end(), std::uint64_t{0});
    });
    const double seconds = watch.seconds();
    // uses the sum, so that it is not optimised away
    assert(total == static_cast<std::uint64_t>(kBytes / 8));
    best = std::max(best, static_cast<double>(kBytes) / seconds * 1e-9);
  }
  return best;
}

MachineCeilings measure_ceilings(const KernelTable& kernels, const ThreadPool& pool) {
  const auto peak = [&](PeakLoop loop) { return loop == nullptr ? 0 : peak_gops(loop, pool); };
  return {.fp32_gflops = peak(kernels.peak_f32),
          .bf16_gflops = peak(kernels.peak_bf16),
          .int8_gops = peak(kernels.peak_s8),
          .read_gbytes = memory_gbytes_per_second(pool)};
}

}  // namespace sapiens
