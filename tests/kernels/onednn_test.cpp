// Our linear layers next to those of a library we share no code with, at a real size.
#include <cmath>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "kernels/levels.hpp"
#include "support/expect_close.hpp"
#include "support/onednn_linear.hpp"
#include "support/random_numbers.hpp"

namespace sapiens {
namespace {

constexpr Index kRows = 257, kIn = 1024, kOut = 1024;

std::vector<float> absolute(std::vector<float> numbers) {
  for (float& x : numbers) x = std::abs(x);
  return numbers;
}

struct Layer {
  std::vector<float> x = random_normal(kRows * kIn, {.seed = 1});
  std::vector<float> weight = random_normal(kOut * kIn, {.deviation = 1.0f / 32, .seed = 2});
  std::vector<float> bias = random_normal(kOut, {.seed = 3});
};

std::vector<float> run_ours(const LinearKernel& kernel, const Layer& layer, Epilogue epilogue) {
  AlignedBuffer<std::byte> packed(kernel.packed_bytes(kOut, kIn));
  AlignedBuffer<std::byte> scratch(kernel.scratch_bytes(kIn, kRows));
  kernel.pack({.weight = layer.weight.data(),
               .out = kOut,
               .in = kIn,
               .first_row = 0,
               .rows = kOut,
               .stride = kIn,
               .packed = packed.data()});
  std::vector<float> y(kRows * kOut);
  const Index most = kernel.row_block(kIn, KernelTable().l2_bytes);
  for (Index row = 0; row < kRows; row += most) {
    kernel.run({.x = layer.x.data() + row * kIn,
                .weight = packed.data(),
                .bias = layer.bias.data(),
                .y = y.data() + row * kOut,
                .rows = std::min(most, kRows - row),
                .in = kIn,
                .out = kOut,
                .x_stride = kIn,
                .y_stride = kOut,
                .first_column = 0,
                .columns = kOut,
                .epilogue = epilogue,
                .scratch = scratch.data()});
  }
  return y;
}

std::vector<float> run_onednn(OneDnnOperand operand, const Layer& layer, Epilogue epilogue) {
  OneDnnLinear linear(
      {.operand = operand, .rows = kRows, .in = kIn, .out = kOut, .epilogue = epilogue},
      layer.weight, layer.bias);
  linear.set_x(layer.x);
  linear.run();
  std::vector<float> y(kRows * kOut);
  linear.get_y(y);
  return y;
}

// Each side is within 6 sqrt(in) u sum |x w| of the exact sum (see linear_test.cpp): they are twice
// that apart at most. Operands rounded to bf16 are equal on both sides and their products exact in
// fp32, so the same holds there; vdpbf16ps rounds twice per pair, no more often than two steps of
// fp32. gelu has a slope below 1.13; oneDNN's erf is off by 1.5e-7 (Abramowitz and Stegun 7.1.26),
// so its gelu by |y| / 2 times that.
std::vector<double> tolerances(const Layer& layer) {
  const Layer magnitudes{absolute(layer.x), absolute(layer.weight), absolute(layer.bias)};
  const double chain = 2 * 6 * 1.13 * std::sqrt(static_cast<double>(kIn));
  std::vector<double> each;
  for (const float magnitude : run_onednn(OneDnnOperand::F32, magnitudes, Epilogue::Store)) {
    each.push_back((chain * kUnit + 0.75e-7) * magnitude);
  }
  return each;
}

void expect_agreement(const LinearKernel& kernel, OneDnnOperand operand) {
  const Layer layer;
  const std::vector<double> each = tolerances(layer);
  for (const Epilogue epilogue : {Epilogue::Store, Epilogue::Gelu}) {
    EXPECT_TRUE(close(run_ours(kernel, layer, epilogue), run_onednn(operand, layer, epilogue),
                      {.each = each}))
        << "epilogue " << static_cast<int>(epilogue);
  }
}

TEST(OneDnn, AgreesWithLinearF32) {
  expect_agreement(select_kernels(CpuFeatures::detect()).table.linear_f32, OneDnnOperand::F32);
}

TEST(OneDnn, AgreesWithLinearBf16) {
  const LinearKernel kernel = select_kernels(CpuFeatures::detect()).table.linear_bf16;
  try {
    expect_agreement(kernel, OneDnnOperand::Bf16);
  } catch (const dnnl::error& error) {
    if (error.status != dnnl_unimplemented) throw;
    GTEST_SKIP() << "oneDNN computes no bf16 on this CPU";
  }
}

}  // namespace
}  // namespace sapiens
