#include "operator_bench.hpp"

#include "core/workspace.hpp"
#include "random_rows.hpp"

namespace sapiens {

OperatorBench::OperatorBench(std::string_view level, Precision precision,
                             const KernelTable& kernels, const ThreadPool& pool, const Peaks& peaks)
    : name_(std::string(level) + "/" + std::string(precision_name(precision)) + "/"),
      kernels_(kernels),
      precision_(precision),
      ops_(kernels_, pool, precision),
      peaks_(peaks),
      sapiens2_(name_, ops_, peaks_) {}

const LinearKernel& OperatorBench::linear_of(const KernelTable& kernels) const noexcept {
  if (precision_ == Precision::Int8) return kernels.linear_s8;
  return precision_ == Precision::Bf16 ? kernels.linear_bf16 : kernels.linear_f32;
}

bool OperatorBench::brings_attention(const KernelTable& below) const noexcept {
  if (precision_ == Precision::Int8) return false;  // int8 uses the operator of another precision
  return precision_ == Precision::Bf16 ? kernels_.attention_bf16.run != below.attention_bf16.run
                                       : kernels_.attention.run != below.attention.run;
}

void OperatorBench::add_rows(const KernelTable& below) const {
  for (const ModelSize size : kSizes) {
    if (linear_of(kernels_).run != linear_of(below).run) {
      for (const LinearRow& layer : kLinears) {
        add_row(name_ + std::string(layer.name), size.width,
                [=, this](benchmark::State& state) { bench_linear(state, layer, size.width); });
      }
    }
    if (brings_attention(below)) {
      add_row(name_ + "attention", size.width,
              [=, this](benchmark::State& state) { bench_attention(state, size); });
    }
    if (precision_ != Precision::Int8 && kernels_.layer_norm != below.layer_norm) {
      add_row(name_ + "layer_norm", size.width,
              [=, this](benchmark::State& state) { bench_layer_norm(state, size.width); });
    }
  }
  if (linear_of(kernels_).run != linear_of(below).run) sapiens2_.add_linear_rows();
  if (brings_attention(below)) sapiens2_.add_attention_rows();
  if (precision_ != Precision::Int8 && kernels_.rms_norm != below.rms_norm) {
    sapiens2_.add_norm_rows();
  }
}

void OperatorBench::bench_linear(benchmark::State& state, const LinearRow& layer,
                                 Index width) const {
  const Index in = layer.in * width, out = layer.out * width;
  const bool adds = layer.epilogue == Epilogue::Add;
  const RandomRows x(ops_.activation_type(), kTokens, in), weight(ActivationType::F32, out, in);
  const RandomRows y(adds ? ActivationType::F32 : ops_.activation_type(), kTokens, out);
  const LinearWeights packed = ops_.pack_linear(weight.matrix(), {});
  const auto run = [&](Workspace& ws) {
    if (adds) {
      ops_.linear_add(x.view(), packed, y.matrix(), ws);
    } else if (layer.epilogue == Epilogue::Gelu) {
      ops_.linear_gelu(x.view(), packed, y.view(), ws);
    } else {
      ops_.linear(x.view(), packed, y.view(), ws);
    }
  };
  Workspace ws(measured_bytes(run));
  for (auto _ : state) run(ws);
  report_operations(state, 2 * kTokens * in * out, peak_of(peaks_, precision_));
}

void OperatorBench::bench_attention(benchmark::State& state, ModelSize size) const {
  const RandomRows qkv(ops_.activation_type(), kTokens, 3 * size.width);
  const RandomRows y(ops_.activation_type(), kTokens, size.width);
  const AttentionShape shape = attention_shape(size.width, size.heads);
  const auto run = [&](Workspace& ws) { ops_.attention(qkv.view(), shape, y.view(), ws); };
  Workspace ws(measured_bytes(run));
  for (auto _ : state) run(ws);
  report_operations(state, 4 * kTokens * kTokens * size.width, peak_of(peaks_, precision_));
}

void OperatorBench::bench_layer_norm(benchmark::State& state, Index width) const {
  const RandomRows x(ActivationType::F32, kTokens, width),
      y(ops_.activation_type(), kTokens, width);
  const LayerNormWeights weights{AlignedBuffer<float>(width), AlignedBuffer<float>(width)};
  Workspace none(0);
  for (auto _ : state) ops_.layer_norm(x.matrix(), weights, y.view(), none);
  const std::size_t bytes = activation_bytes(ActivationType::F32, kTokens, width) +
                            activation_bytes(ops_.activation_type(), kTokens, width);
  report_bytes(state, static_cast<Index>(bytes), peaks_.read_gbytes);
}

}  // namespace sapiens
