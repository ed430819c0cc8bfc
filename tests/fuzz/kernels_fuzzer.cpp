// Kernels of every level of this CPU against the reference kernels, at sizes, distances of rows and
// values that the input gives. The sanitizer sees loads and stores outside of the operands.
// Tolerances bound the worst case of all roundings: they are wider than those of the tests, and
// hold for every input.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/support/compare_attention.hpp"
#include "fuzz/support/entry_points.hpp"
#include "fuzz/support/kernel_input.hpp"
#include "kernels/linear_case.hpp"
#include "kernels/select.hpp"

namespace {

using namespace sapiens;
using fuzz::KernelInput;

constexpr double kUnit = 0x1p-24;
constexpr double kBf16Step = 0x1p-7;   // two numbers that round to neighbours
constexpr double kGeluForBf16 = 3e-4;  // gelu is less exact where it will be rounded to bf16
constexpr double kSmallest = 0x1p-126;

using Entry = LinearKernel KernelTable::*;
constexpr Entry kLinear[] = {&KernelTable::linear_f32, &KernelTable::linear_f32_from_bf16,
                             &KernelTable::linear_f32_from_f16, &KernelTable::linear_bf16,
                             &KernelTable::linear_s8};
constexpr std::size_t kS8 = 4;

const KernelTable& reference() {
  static const KernelTable table = select_kernels(CpuFeatures::detect(), "reference").table;
  return table;
}

// Those of this CPU, and those of CPUs of the same levels that lack the newer instructions.
const std::vector<KernelTable>& fast_tables() {
  static const std::vector<KernelTable> tables = [] {
    CpuFeatures cpu = CpuFeatures::detect();
    std::vector<KernelTable> found;
    for (const auto level : available_levels(cpu)) {
      found.push_back(select_kernels(cpu, level).table);
    }
    cpu.avx_vnni = cpu.avx512_vnni = cpu.avx512_bf16 = cpu.fast_bf16 = cpu.amx = false;
    for (const auto level : available_levels(cpu)) {
      found.push_back(select_kernels(cpu, level).table);
    }
    return found;
  }();
  return tables;
}

ActivationType type_of(KernelInput& in) {
  return in.below(2) ? ActivationType::Bf16 : ActivationType::F32;
}

std::vector<float> absolute(std::vector<float> numbers) {
  for (float& x : numbers) x = std::isfinite(x) ? std::abs(x) : 0;
  return numbers;
}

// What is added up for each output, term by term.
std::vector<float> magnitudes(const LinearKernel& kernel, LinearCase c, bool is_s8) {
  c.y = absolute(c.y);
  c.bias = absolute(c.bias);
  c.x = absolute(c.x);
  c.weight = absolute(c.weight);
  c.y_type = ActivationType::F32;
  c.epilogue = Epilogue::Add;
  std::vector<float> sums = run_linear(kernel, c);
  // The sums of integers are exact; their scales are those of the largest number of a row.
  if (is_s8) {
    for (float& sum : sums) sum *= 2;
  }
  return sums;
}

void compare_linear(KernelInput& in, const KernelTable& fast) {
  const std::size_t which = static_cast<std::size_t>(in.below(std::size(kLinear)));
  const LinearKernel &kernel = fast.*kLinear[which], &exact = reference().*kLinear[which];
  LinearCase c{.rows = in.size(40), .in = in.size(200), .out = in.size(70)};
  if (in.below(16) == 0) c.in *= 9;  // more than one chunk of inputs
  c.x_gap = in.below(9);
  c.y_gap = in.below(9);
  c.x_type = type_of(in);
  c.epilogue = in.below(3) == 0 ? Epilogue::Add : in.below(2) ? Epilogue::Gelu : Epilogue::Store;
  c.y_type = c.epilogue == Epilogue::Add ? ActivationType::F32 : type_of(in);
  c.x = in.values(c.rows * (c.in + c.x_gap), 4, true);
  c.weight = in.values(c.in * c.out, 1, false);
  c.bias = in.values(c.out, 2, false);
  c.y = in.values(c.rows * (c.out + c.y_gap), 4, false);
  const Cuts cuts{.pack_rows = in.below(40), .rows = in.below(7), .columns = in.below(3)};

  const std::vector<float> want = run_linear(exact, c);
  const std::vector<float> sums = magnitudes(exact, c, which == kS8);
  const double roundings = 1.13 * 2 * static_cast<double>(c.in + 4);
  std::vector<double> allowed;
  for (std::size_t i = 0; i < want.size(); ++i) {
    double most = roundings * (kUnit * sums[i] + kSmallest);
    if (c.y_type == ActivationType::Bf16) {
      most += (kBf16Step + kGeluForBf16) * std::abs(want[i]) + kSmallest;
    }
    allowed.push_back(most);
  }
  const std::vector<float> y = run_linear(kernel, c);
  fuzz::expect_close(y, want, allowed);
  // Splitting the work changes no bit; NaN is compared as the same kind.
  fuzz::expect_close(run_linear(kernel, c, cuts), y, std::vector<double>(y.size(), 0.0));
}

void compare_norm(KernelInput& in, const KernelTable& fast) {
  const Index rows = in.size(5), width = in.size(300), gap = in.below(9);
  const bool is_rms = in.below(2) == 0;
  const auto x = in.values(rows * (width + gap), 8, true);
  const auto gamma = in.values(width, 2, false), beta = in.values(width, 2, false);
  const auto run = [&](const KernelTable& kernels) {
    std::vector<float> y(static_cast<std::size_t>(rows * width));
    if (is_rms) {
      kernels.rms_norm({.x = x.data(),
                        .gamma = gamma.data(),
                        .y = y.data(),
                        .rows = rows,
                        .width = width,
                        .x_stride = width + gap,
                        .y_stride = width,
                        .epsilon = 1e-6f});
    } else {
      kernels.layer_norm({.x = x.data(),
                          .gamma = gamma.data(),
                          .beta = beta.data(),
                          .y = y.data(),
                          .rows = rows,
                          .width = width,
                          .x_stride = width + gap,
                          .y_stride = width,
                          .epsilon = 1e-6f});
    }
    return y;
  };
  // The mean of a row errs by width roundings of its largest number, and is divided by at least
  // the root of epsilon.
  std::vector<double> allowed;
  for (Index row = 0; row < rows; ++row) {
    double largest = 0, squares = 0;
    for (Index i = 0; i < width; ++i) {
      const double value = x[static_cast<std::size_t>(row * (width + gap) + i)];
      if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
      if (std::isfinite(value)) squares += value * value;
    }
    const double n = static_cast<double>(width);
    const double deviation = is_rms ? std::sqrt(squares / n + 1e-6) : 1e-3;
    const double share = largest / deviation;
    for (Index i = 0; i < width; ++i) {
      const auto at = static_cast<std::size_t>(i);
      allowed.push_back((n + 8) * kUnit * (4 * share * (1 + (is_rms ? 0 : share * share)) + 4) *
                            std::abs(gamma[at]) +
                        4 * kUnit * std::abs(beta[at]) + kSmallest);
    }
  }
  fuzz::expect_close(run(fast), run(reference()), allowed);
}

void compare_gelu(KernelInput& in, const KernelTable& fast) {
  const Index count = in.size(70);
  const auto x = in.values(count, 16, true);
  std::vector<float> got(x.size()), want(x.size());
  fast.gelu(x.data(), got.data(), count);
  reference().gelu(x.data(), want.data(), count);
  std::vector<double> allowed;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double square = std::isfinite(x[i]) ? std::min(double{x[i]} * x[i], 400.0) : 0;
    allowed.push_back((1e-6 + 2 * kUnit * square) * std::abs(want[i]) + 4e-35);
  }
  fuzz::expect_close(got, want, allowed);
}

void compare_instance_norm(KernelInput& in, const KernelTable& fast) {
  const Index rows = in.size(40), width = in.size(70), gap = in.below(9);
  const auto values = in.values(rows * (width + gap), 4, false);
  Numbers x(type_of(in), values);
  const auto columns = static_cast<std::size_t>(width);
  const auto run = [&](const KernelTable& kernels, std::vector<float>& mean) {
    std::vector<float> squares(columns);
    kernels.column_statistics({.x = x.at(0),
                               .type = x.type(),
                               .rows = rows,
                               .width = width,
                               .x_stride = width + gap,
                               .mean = mean.data(),
                               .squares = squares.data()});
    return squares;
  };
  std::vector<float> mean(columns), exact_mean(columns);
  const auto squares = run(fast, mean), exact = run(reference(), exact_mean);
  const double n = static_cast<double>(rows), error = (n + 4) * kUnit * 8;
  fuzz::expect_close(mean, exact_mean, std::vector<double>(columns, error));
  fuzz::expect_close(squares, exact, std::vector<double>(columns, 64 * n * error));

  const auto scale = in.values(width, 3, false);
  const ActivationType y_type = type_of(in);
  const auto normalise = [&](const KernelTable& kernels) {
    Numbers y(y_type, std::vector<float>(values.size()));
    kernels.normalize_silu({.x = x.at(0),
                            .y = y.at(0),
                            .x_type = x.type(),
                            .y_type = y_type,
                            .rows = rows,
                            .width = width,
                            .x_stride = width + gap,
                            .y_stride = width + gap,
                            .mean = exact_mean.data(),
                            .scale = scale.data()});
    return y.floats();
  };
  const auto got = normalise(fast), want = normalise(reference());
  std::vector<double> allowed;
  for (const float value : want) {
    allowed.push_back(400 * kUnit +
                      (y_type == ActivationType::Bf16 ? kBf16Step * std::abs(value) : 100 * kUnit));
  }
  fuzz::expect_close(got, want, allowed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  KernelInput in(fuzz::text_of(data, size));
  const std::uint8_t operation = in.byte(), level = in.byte();
  const KernelTable& fast = fast_tables()[level % fast_tables().size()];
  switch (operation % 5) {
    case 0:
      compare_linear(in, fast);
      break;
    case 1:
      compare_norm(in, fast);
      break;
    case 2:
      compare_gelu(in, fast);
      break;
    case 3:
      compare_instance_norm(in, fast);
      break;
    default:
      fuzz::compare_attention(in, fast, reference());
      break;
  }
  return 0;
}
