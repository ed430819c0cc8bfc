#pragma once

#include <benchmark/benchmark.h>

#include <string>

#include "nn/ops.hpp"
#include "peaks/peaks.hpp"

namespace sapiens {

/// Measures the operators that Sapiens2 has and Sapiens has not, on the 3081 tokens of an image of
/// 1024 x 768, each followed by the plain operator of the same products: `qkv` by `qkv_plain`
/// (without norms and rotation), `proj` by `proj_add`, `w12` by `w12_gelu`, `attention` by
/// `attention_ungrouped`. Rows are named "avx512/bf16/sapiens2/qkv/1024".
class Sapiens2Bench {
 public:
  struct Size {
    Index width;
    AttentionShape shape;
  };

  /// `name` is what rows begin with: "avx512/bf16/". Borrows everything.
  Sapiens2Bench(const std::string& name, const Ops& ops, const Peaks& peaks);

  /// Registers rows. This object must live until they have run.
  void add_linear_rows() const;
  void add_attention_rows() const;
  void add_norm_rows() const;

 private:
  void bench_qkv(benchmark::State& state, const Size& size, bool plain) const;
  void bench_proj(benchmark::State& state, const Size& size, bool plain) const;
  void bench_w12(benchmark::State& state, const Size& size, bool plain) const;
  void bench_attention(benchmark::State& state, const Size& size) const;
  void bench_rms_norm(benchmark::State& state, Index width) const;
  double peak() const;

  std::string name_;
  const Ops& ops_;
  const Peaks& peaks_;
};

}  // namespace sapiens
