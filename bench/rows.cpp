#include "rows.hpp"

#include <cstdlib>
#include <string_view>

namespace sapiens {
namespace {

void report(benchmark::State& state, const char* name, double per_run, double peak) {
  using benchmark::Counter;
  state.counters[name] = Counter(per_run, Counter::kIsIterationInvariantRate);
  if (peak <= 0) return;
  state.counters["of_peak"] = Counter(per_run / peak, Counter::kIsIterationInvariantRate);
}

}  // namespace

int take_threads(int& argc, char** argv) {
  constexpr std::string_view kOption = "--threads=";
  int threads = 0, kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(kOption)) {
      threads = std::atoi(argv[i] + kOption.size());
    } else {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  return threads;
}

double peak_of(const Peaks& peaks, Precision arithmetic) {
  if (arithmetic == Precision::Int8) return peaks.int8_gops;
  return arithmetic == Precision::Bf16 && peaks.bf16_gflops > 0 ? peaks.bf16_gflops
                                                                : peaks.fp32_gflops;
}

void report_operations(benchmark::State& state, Index operations, double peak) {
  report(state, "GFLOPS", static_cast<double>(operations) * 1e-9, peak);
}

void report_bytes(benchmark::State& state, Index bytes, double peak) {
  report(state, "GB/s", static_cast<double>(bytes) * 1e-9, peak);
}

int run_rows(int argc, char** argv, const ThreadPool& pool) {
  benchmark::AddCustomContext("threads", std::to_string(pool.threads()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace sapiens
