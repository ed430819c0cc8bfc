#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <utility>

#include "core/thread_pool.hpp"
#include "kernels/kernel_table.hpp"
#include "peaks/peaks.hpp"
#include "sapiens/precision.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

inline constexpr Index kTokens = 4097;

struct ModelSize {
  Index width, heads;
};
inline constexpr ModelSize kSizes[] = {{1024, 16}, {1280, 16}, {1536, 24}, {1920, 32}};

/// The linear layers of a block, in units of the width.
struct LinearRow {
  std::string_view name;
  Index in, out;
  Epilogue epilogue;
};
inline constexpr LinearRow kLinears[] = {{"qkv", 1, 3, Epilogue::Store},
                                         {"proj", 1, 1, Epilogue::Add},
                                         {"fc1", 1, 4, Epilogue::Gelu},
                                         {"fc2", 4, 1, Epilogue::Add}};

/// The peak that kernels of this arithmetic are measured against. Without instructions of their
/// own, bf16 operands are widened for those of fp32.
double peak_of(const Peaks& peaks, Precision arithmetic);

/// Removes `--threads=N` from the arguments and returns N; 0 means every usable CPU.
int take_threads(int& argc, char** argv);

void report_operations(benchmark::State& state, Index operations, double peak);
void report_bytes(benchmark::State& state, Index bytes, double peak);

/// Registers the row "name/width".
template <class Function>
void add_row(const std::string& name, Index width, Function function) {
  benchmark::RegisterBenchmark((name + "/" + std::to_string(width)).c_str(), std::move(function))
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

/// Runs the registered rows as the arguments say; returns the exit code.
int run_rows(int argc, char** argv, const ThreadPool& pool);

}  // namespace sapiens
