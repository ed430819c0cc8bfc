// Measures the operators of one transformer block at the four published widths and 4097 tokens, and
// those of Sapiens2 at 3081 tokens beside their plain counterparts (sapiens2_bench.hpp), at every
// kernel level of this machine and in every precision, and oneDNN's matmul where that is installed.
//
//   kernels_bench --threads=2 --benchmark_filter='avx512/bf16/.*/1024/'
//   OMP_NUM_THREADS=2 kernels_bench --threads=2 --benchmark_filter='(avx512|onednn)/.*/qkv/1024/'
//
// `GFLOPS` counts 2 operations per multiply-add; `of_peak` is its share of what a loop of nothing
// but the same arithmetic reached on the same threads just before. A level has rows for the kernels
// that it brings itself.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/thread_pool.hpp"
#include "kernels/select.hpp"
#include "operator_bench.hpp"
#ifdef SAPIENS_BENCH_ONEDNN
#include "onednn_bench.hpp"
#endif

namespace sapiens {
namespace {

int run(int argc, char** argv) {
  const ThreadPool pool(take_threads(argc, argv));
  const CpuFeatures cpu = CpuFeatures::detect();
  // the reference takes hours at these sizes
  KernelTable below = select_kernels(cpu, "reference").table;
  std::vector<std::unique_ptr<OperatorBench>> benches;
  Peaks peaks;
  for (const std::string_view level : available_levels(cpu)) {
    if (level == "reference") continue;
    const KernelTable kernels = select_kernels(cpu, level).table;
    peaks = measure_peaks(level, pool);
    for (const Precision precision : {Precision::Fp32, Precision::Bf16, Precision::Int8}) {
      benches.push_back(std::make_unique<OperatorBench>(level, precision, kernels, pool, peaks));
      benches.back()->add_rows(below);
    }
    below = kernels;
  }
#ifdef SAPIENS_BENCH_ONEDNN
  add_onednn_rows(peaks);
#endif
  return run_rows(argc, argv, pool);
}

}  // namespace
}  // namespace sapiens

int main(int argc, char** argv) { return sapiens::run(argc, argv); }
