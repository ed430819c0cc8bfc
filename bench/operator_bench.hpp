#pragma once

#include <string>
#include <string_view>

#include "nn/ops.hpp"
#include "rows.hpp"
#include "sapiens2_bench.hpp"

namespace sapiens {

/// Measures the operators at one level and in one precision. Borrows the pool.
class OperatorBench {
 public:
  OperatorBench(std::string_view level, Precision precision, const KernelTable& kernels,
                const ThreadPool& pool, const Peaks& peaks);
  OperatorBench(const OperatorBench&) = delete;
  OperatorBench& operator=(const OperatorBench&) = delete;

  /// Registers a row per operator and width, except where the kernel is that of `below`. This
  /// object must live until they have run.
  void add_rows(const KernelTable& below) const;

 private:
  const LinearKernel& linear_of(const KernelTable& kernels) const noexcept;
  bool brings_attention(const KernelTable& below) const noexcept;
  void bench_linear(benchmark::State& state, const LinearRow& layer, Index width) const;
  void bench_attention(benchmark::State& state, ModelSize size) const;
  void bench_layer_norm(benchmark::State& state, Index width) const;

  std::string name_;  // "avx512/bf16/"
  KernelTable kernels_;
  Precision precision_;
  Ops ops_;
  Peaks peaks_;
  Sapiens2Bench sapiens2_;
};

}  // namespace sapiens
