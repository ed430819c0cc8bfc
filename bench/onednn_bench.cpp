#include "onednn_bench.hpp"

#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "support/onednn_linear.hpp"
#include "support/random_numbers.hpp"

namespace sapiens {
namespace {

void bench_layer(benchmark::State& state, const OneDnnShape& shape, double peak) try {
  const std::vector<float> weight = random_normal(shape.out * shape.in, {.seed = 1});
  const std::vector<float> bias(static_cast<std::size_t>(shape.out));
  OneDnnLinear linear(shape, weight, bias);
  linear.set_x(random_normal(shape.rows * shape.in, {.seed = 2}));
  for (auto _ : state) linear.run();
  report_operations(state, 2 * shape.rows * shape.in * shape.out, peak);
} catch (const dnnl::error& error) {
  state.SkipWithError(error.what());
}

void add_rows(const std::string& name, OneDnnOperand operand, double peak) {
  for (const ModelSize size : kSizes) {
    for (const LinearRow& layer : kLinears) {
      // The types are those of the own kernels: bf16 between operators, fp32 in the residual
      // stream.
      const bool narrow = operand != OneDnnOperand::F32 && layer.epilogue != Epilogue::Add;
      const OneDnnShape shape{.operand = operand,
                              .rows = kTokens,
                              .in = layer.in * size.width,
                              .out = layer.out * size.width,
                              .epilogue = layer.epilogue,
                              .y_type = narrow ? ActivationType::Bf16 : ActivationType::F32};
      add_row(name + std::string(layer.name), size.width,
              [=](benchmark::State& state) { bench_layer(state, shape, peak); });
    }
  }
}

}  // namespace

void add_onednn_rows(const Peaks& peaks) {
  add_rows("onednn/f32/", OneDnnOperand::F32, peak_of(peaks, Precision::Fp32));
  add_rows("onednn/bf16/", OneDnnOperand::Bf16, peak_of(peaks, Precision::Bf16));
  add_rows("onednn/s8/", OneDnnOperand::S8, peak_of(peaks, Precision::Int8));
}

}  // namespace sapiens
