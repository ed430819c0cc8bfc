#include "peaks/peaks.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <numeric>

#include "core/aligned_buffer.hpp"
#include "core/stopwatch.hpp"
#include "core/thread_pool.hpp"

namespace sapiens {
#ifdef SAPIENS_PEAKS_X86
namespace kernels {
PeakLoops avx2_loops(const CpuFeatures&) noexcept;
PeakLoops avx512_loops(const CpuFeatures&) noexcept;
PeakLoops amx_loops() noexcept;
}  // namespace kernels
#endif

namespace {

// Eight chains, enough to fill the pipelines of a scalar FPU; `volatile` keeps the result alive.
std::int64_t reference_f32(std::int64_t steps) noexcept {
  constexpr int kChains = 8;
  float sum[kChains] = {};
  for (std::int64_t step = 0; step < steps; ++step) {
    for (float& s : sum) s = s * 0.5f + 1.0f;
  }
  volatile float sink = 0;
  for (const float s : sum) sink = s;
  static_cast<void>(sink);
  return steps * kChains * 2;
}

/// A level has the instructions of those below it.
PeakLoops loops_of([[maybe_unused]] std::string_view level) {
  PeakLoops loops{.f32 = &reference_f32};
#ifdef SAPIENS_PEAKS_X86
  const CpuFeatures cpu = CpuFeatures::detect();
  if (level == "avx2") return kernels::avx2_loops(cpu);
  if (level == "avx512" || level == "amx") loops = kernels::avx512_loops(cpu);
  if (level == "amx") {
    const PeakLoops tiles = kernels::amx_loops();
    loops.bf16 = tiles.bf16;
    loops.s8 = tiles.s8;
  }
#endif
  return loops;
}

/// Enough steps for about 10 ms, found by doubling.
std::int64_t steps_for_10_ms(PeakLoop loop) {
  for (std::int64_t steps = 1024;; steps *= 2) {
    const Stopwatch watch;
    loop(steps);
    if (watch.seconds() > 0.01) return steps;
  }
}

double peak_gops(PeakLoop loop, const ThreadPool& pool) {
  if (loop == nullptr) return 0;
  constexpr int kWarmUps = 3, kRuns = 30;  // CPUs lower their clock after some ms of wide vectors
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

/// The best of a few passes over 256 MB, which is far larger than the caches.
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

}  // namespace

Peaks measure_peaks(std::string_view level, const ThreadPool& pool) {
  const PeakLoops loops = loops_of(level);
  return {.fp32_gflops = peak_gops(loops.f32, pool),
          .bf16_gflops = peak_gops(loops.bf16, pool),
          .int8_gops = peak_gops(loops.s8, pool),
          .read_gbytes = memory_gbytes_per_second(pool)};
}

}  // namespace sapiens
