#include "sapiens2_bench.hpp"

#include "core/workspace.hpp"
#include "random_rows.hpp"
#include "rows.hpp"

namespace sapiens {
namespace {

constexpr Index kSapiens2Tokens = 3081;

// The blocks of 0.4B, 0.8B and 5B in which two query heads share a key head.
constexpr Sapiens2Bench::Size kSapiens2Sizes[] = {
    {1024, {.heads = 16, .kv_heads = 8, .head_dim = 64}},
    {1280, {.heads = 16, .kv_heads = 8, .head_dim = 80}},
    {2432, {.heads = 32, .kv_heads = 16, .head_dim = 76}}};

template <class Run>
void measure(benchmark::State& state, Run run) {
  Workspace ws(measured_bytes(run));
  for (auto _ : state) run(ws);
}

}  // namespace

Sapiens2Bench::Sapiens2Bench(const std::string& name, const Ops& ops, const Peaks& peaks)
    : name_(name + "sapiens2/"), ops_(ops), peaks_(peaks) {}

double Sapiens2Bench::peak() const { return peak_of(peaks_, ops_.precision()); }

void Sapiens2Bench::add_linear_rows() const {
  const auto add = [this](const char* name, const Size& size, auto bench, bool plain) {
    add_row(name_ + name, size.width,
            [=, this](benchmark::State& state) { (this->*bench)(state, size, plain); });
  };
  for (const Size& size : kSapiens2Sizes) {
    add("qkv", size, &Sapiens2Bench::bench_qkv, false);
    add("qkv_plain", size, &Sapiens2Bench::bench_qkv, true);
    add("proj", size, &Sapiens2Bench::bench_proj, false);
    add("proj_add", size, &Sapiens2Bench::bench_proj, true);
    add("w12", size, &Sapiens2Bench::bench_w12, false);
    add("w12_gelu", size, &Sapiens2Bench::bench_w12, true);
  }
}

void Sapiens2Bench::add_attention_rows() const {
  for (const Size& size : kSapiens2Sizes) {
    Size ungrouped = size;
    ungrouped.shape.kv_heads = size.shape.heads;
    add_row(name_ + "attention", size.width,
            [=, this](benchmark::State& state) { bench_attention(state, size); });
    add_row(name_ + "attention_ungrouped", size.width,
            [=, this](benchmark::State& state) { bench_attention(state, ungrouped); });
  }
}

void Sapiens2Bench::add_norm_rows() const {
  for (const Size& size : kSapiens2Sizes) {
    add_row(name_ + "rms_norm", size.width,
            [=, this](benchmark::State& state) { bench_rms_norm(state, size.width); });
  }
}

void Sapiens2Bench::bench_qkv(benchmark::State& state, const Size& size, bool plain) const {
  const Index in = size.width, out = size.shape.columns(), D = size.shape.head_dim;
  const RandomRows x(ops_.activation_type(), kSapiens2Tokens, in);
  const RandomRows weight(ActivationType::F32, out, in), gamma(ActivationType::F32, 1, D);
  const RandomRows rotations(ActivationType::F32, kSapiens2Tokens, D);
  const RandomRows y(ops_.activation_type(), kSapiens2Tokens, out);
  const LinearWeights packed = ops_.pack_linear(weight.matrix(), {});
  const std::span<const float> of_heads = gamma.matrix().flat();
  const RotaryNorm norm{of_heads, of_heads, rotations.matrix()};
  measure(state, [&](Workspace& ws) {
    if (plain) return ops_.linear(x.view(), packed, y.view(), ws);
    ops_.linear_qkv(x.view(), packed, size.shape, norm, y.view(), ws);
  });
  report_operations(state, 2 * kSapiens2Tokens * in * out, peak());
}

void Sapiens2Bench::bench_proj(benchmark::State& state, const Size& size, bool plain) const {
  const Index width = size.width;
  const RandomRows x(ops_.activation_type(), kSapiens2Tokens, width);
  const RandomRows weight(ActivationType::F32, width, width), factor(ActivationType::F32, 1, width);
  const RandomRows y(ActivationType::F32, kSapiens2Tokens, width);
  const LinearWeights packed = ops_.pack_linear(weight.matrix(), {});
  measure(state, [&](Workspace& ws) {
    if (plain) return ops_.linear_add(x.view(), packed, y.matrix(), ws);
    ops_.linear_add_scaled(x.view(), packed, factor.matrix().flat(), y.matrix(), ws);
  });
  report_operations(state, 2 * kSapiens2Tokens * width * width, peak());
}

void Sapiens2Bench::bench_w12(benchmark::State& state, const Size& size, bool plain) const {
  const Index in = size.width, hidden = 4 * in;
  const RandomRows x(ops_.activation_type(), kSapiens2Tokens, in);
  const RandomRows weight(ActivationType::F32, 2 * hidden, in);
  const RandomRows y(ops_.activation_type(), kSapiens2Tokens, plain ? 2 * hidden : hidden);
  LinearWeights packed =
      plain ? ops_.make_linear(2 * hidden, in) : ops_.make_gated_linear(hidden, in);
  if (plain) {
    ops_.pack_rows(packed, 0, weight.matrix());
  } else {
    ops_.pack_gated_rows(packed, 0, weight.matrix());
  }
  measure(state, [&](Workspace& ws) {
    if (plain) return ops_.linear_gelu(x.view(), packed, y.view(), ws);
    ops_.linear_swiglu(x.view(), packed, y.view(), ws);
  });
  report_operations(state, 2 * kSapiens2Tokens * in * 2 * hidden, peak());
}

void Sapiens2Bench::bench_attention(benchmark::State& state, const Size& size) const {
  const AttentionShape& shape = size.shape;
  const RandomRows qkv(ops_.activation_type(), kSapiens2Tokens, shape.columns());
  const RandomRows y(ops_.activation_type(), kSapiens2Tokens, shape.width());
  measure(state, [&](Workspace& ws) { ops_.attention(qkv.view(), shape, y.view(), ws); });
  report_operations(state, 4 * kSapiens2Tokens * kSapiens2Tokens * shape.width(), peak());
}

void Sapiens2Bench::bench_rms_norm(benchmark::State& state, Index width) const {
  const RandomRows x(ActivationType::F32, kSapiens2Tokens, width);
  const RandomRows y(ops_.activation_type(), kSapiens2Tokens, width);
  const RandomRows gamma(ActivationType::F32, 1, width);
  measure(state,
          [&](Workspace& ws) { ops_.rms_norm(x.matrix(), gamma.matrix().flat(), y.view(), ws); });
  const std::size_t bytes = activation_bytes(ActivationType::F32, kSapiens2Tokens, width) +
                            activation_bytes(ops_.activation_type(), kSapiens2Tokens, width);
  report_bytes(state, static_cast<Index>(bytes), peaks_.read_gbytes);
}

}  // namespace sapiens
