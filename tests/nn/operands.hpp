#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/half.hpp"
#include "kernels/levels.hpp"
#include "nn/ops.hpp"
#include "support/random_numbers.hpp"

namespace sapiens {

/// Tests that run once per set of kernels: every level, and those for CPUs of the same level
/// without instructions for dot products. Skips with a reason where the CPU lacks it.
class EveryKernel : public testing::TestWithParam<std::string_view> {
 protected:
  static constexpr std::string_view kPlain = "_without_dots";

  void SetUp() override {
    CpuFeatures cpu = tested_cpu();
    std::string_view level = GetParam();
    if (level.ends_with(kPlain)) {
      level.remove_suffix(kPlain.size());
      cpu.avx_vnni = cpu.avx512_vnni = cpu.avx512_bf16 = cpu.fast_bf16 = cpu.amx = false;
    }
    const std::vector<std::string_view> available = available_levels(cpu);
    if (std::find(available.begin(), available.end(), level) == available.end()) {
      GTEST_SKIP() << "this CPU has no " << level;
    }
    fast = select_kernels(cpu, level).table;
    reference = select_kernels(cpu, "reference").table;
  }

  KernelTable fast, reference;
};

#define SAPIENS_FOR_EVERY_KERNEL(suite)                                                        \
  INSTANTIATE_TEST_SUITE_P(Isa, suite,                                                         \
                           testing::Values("reference", "avx2", "avx2_without_dots", "avx512", \
                                           "avx512_without_dots", "amx"),                      \
                           level_name)

/// A way to compute linear layers: a precision, and the type of the stored weights.
struct Way {
  std::string_view name;
  Precision precision;
  DType stored = DType::F32;
};
inline constexpr Way kWays[] = {{"fp32", Precision::Fp32},
                                {"fp32 from bf16", Precision::Fp32, DType::BF16},
                                {"fp32 from f16", Precision::Fp32, DType::F16},
                                {"bf16", Precision::Bf16},
                                {"int8", Precision::Int8}};

/// Rows of numbers as one type of activations, with `gap` numbers of -7 behind each row.
class Rows {
 public:
  Rows(ActivationType type, Index rows, Index columns, const std::vector<float>& values = {},
       Index gap = 0)
      : type_(type),
        rows_(rows),
        columns_(columns),
        stride_(columns + gap),
        bytes_(rows * stride_ * Activations::bytes_per_number(type)) {
    for (Index r = 0; r < rows; ++r) {
      for (Index c = 0; c < stride_; ++c) {
        const auto i = static_cast<std::size_t>(r * columns + c);
        set(r, c, c >= columns ? -7.0f : values.empty() ? 0.0f : values[i]);
      }
    }
  }

  Activations view() noexcept { return {bytes_.data(), type_, rows_, columns_, stride_}; }
  Matrix matrix() noexcept {
    return Matrix(reinterpret_cast<float*>(bytes_.data()), {rows_, stride_}).slice(1, 0, columns_);
  }
  std::vector<float> floats() const {
    std::vector<float> numbers;
    for (Index r = 0; r < rows_; ++r) {
      for (Index c = 0; c < columns_; ++c) numbers.push_back(get(r, c));
    }
    return numbers;
  }
  bool gaps_are_untouched() const {
    for (Index r = 0; r < rows_; ++r) {
      for (Index c = columns_; c < stride_; ++c) {
        if (get(r, c) != -7.0f) return false;
      }
    }
    return true;
  }

 private:
  std::byte* at(Index r, Index c) const noexcept {
    return const_cast<std::byte*>(bytes_.data()) +
           (r * stride_ + c) * Activations::bytes_per_number(type_);
  }
  void set(Index r, Index c, float value) noexcept {
    const std::uint16_t half = bfloat16_bits(value);
    if (type_ == ActivationType::F32) {
      std::memcpy(at(r, c), &value, sizeof(value));
    } else {
      std::memcpy(at(r, c), &half, sizeof(half));
    }
  }
  float get(Index r, Index c) const noexcept {
    float value = 0;
    std::uint16_t half = 0;
    if (type_ == ActivationType::F32) {
      std::memcpy(&value, at(r, c), sizeof(value));
      return value;
    }
    std::memcpy(&half, at(r, c), sizeof(half));
    return bfloat16_to_float(half);
  }

  ActivationType type_;
  Index rows_, columns_, stride_;
  AlignedBuffer<std::byte> bytes_;
};

/// A linear layer and rows for it. Sums of products have a deviation of 1.
struct Layer {
  Index rows, in, out;
  std::vector<float> x = random_normal(rows * in, {.seed = 1});
  std::vector<float> weight =
      random_normal(out * in, {.deviation = 1 / std::sqrt(static_cast<float>(in)), .seed = 2});
  std::vector<float> bias = random_normal(out, {.seed = 3});

  ConstMatrix weights() const noexcept { return {weight.data(), {out, in}}; }

  /// x W^T + b of the reference kernels as floats: the operands rounded as `way` says, the sums in
  /// double. `x_type` is the type of x.
  std::vector<float> sums(const KernelTable& reference, const Way& way,
                          ActivationType x_type) const {
    const ThreadPool pool(1);
    const Ops ops(reference, pool, way.precision);
    const LinearWeights w = ops.pack_linear(weights(), bias, way.stored);
    Rows input(x_type, rows, in, x), output(ActivationType::F32, rows, out);
    const auto run = [&](Workspace& ws) { ops.linear(input.view(), w, output.view(), ws); };
    Workspace ws(measured_bytes(run));
    run(ws);
    return output.floats();
  }
};

/// How far sums of fp32 products and a bias may be off those of `Layer::sums`. The bound of
/// linear_test, 6 sqrt(in) u sum |x w|, is 2.4 in u here; measured: a tenth of it at most.
inline double sum_error(Index in) { return (0.3 * static_cast<double>(in) + 40) * kUnit; }

}  // namespace sapiens
