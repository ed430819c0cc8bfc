#include <cmath>
#include <string>
#include <vector>

#include "kernels/levels.hpp"
#include "support/expect_close.hpp"
#include "support/random_numbers.hpp"

namespace sapiens {
namespace {

struct Case {
  Index rows, in, out;
  Index x_gap = 0, y_gap = 0;  // numbers between the rows
};

std::vector<float> absolute(std::vector<float> numbers) {
  for (float& x : numbers) x = std::abs(x);
  return numbers;
}

std::vector<float> run(const LinearKernel& kernel, const Case& c, const std::vector<float>& x,
                       const std::vector<float>& weight, const std::vector<float>& bias,
                       std::vector<float> y, Epilogue epilogue) {
  AlignedBuffer<std::byte> packed(kernel.packed_bytes(c.out, c.in));
  AlignedBuffer<std::byte> scratch(kernel.scratch_bytes(c.in));
  kernel.pack({.weight = weight.data(),
               .out = c.out,
               .in = c.in,
               .first_row = 0,
               .rows = c.out,
               .stride = c.in,
               .packed = packed.data()});
  const Index most = kernel.row_block(c.in);
  for (Index row = 0; row < c.rows; row += most) {
    kernel.run({.x = x.data() + row * (c.in + c.x_gap),
                .weight = packed.data(),
                .bias = bias.data(),
                .y = y.data() + row * (c.out + c.y_gap),
                .rows = std::min(most, c.rows - row),
                .in = c.in,
                .out = c.out,
                .x_stride = c.in + c.x_gap,
                .y_stride = c.out + c.y_gap,
                .first_column = 0,
                .columns = c.out,
                .epilogue = epilogue,
                .scratch = scratch.data()});
  }
  return y;
}

// The rounding errors of a sum of k products are below lambda sqrt(k) u sum |x w| with probability
// 1 - 2 k exp(-lambda^2 / 2) (Higham and Mary 2019): lambda = 6 leaves nothing to chance here. The
// slope of gelu is below 1.13; gelu itself adds less than 2 ulps of its argument.
std::vector<double> tolerances(const LinearKernel& reference, const Case& c,
                               const std::vector<float>& x, const std::vector<float>& weight,
                               const std::vector<float>& bias, const std::vector<float>& y) {
  const std::vector<float> magnitudes =
      run(reference, c, absolute(x), absolute(weight), absolute(bias), absolute(y), Epilogue::Add);
  const double chain = 6 * 1.13 * std::sqrt(static_cast<double>(c.in)) + 3;
  std::vector<double> each;
  for (const float magnitude : magnitudes) each.push_back(chain * kUnit * magnitude);
  return each;
}

class LinearLevels : public EveryLevel {
 protected:
  void expect_agreement(const Case& c) {
    SCOPED_TRACE("rows " + std::to_string(c.rows) + ", in " + std::to_string(c.in) + ", out " +
                 std::to_string(c.out));
    const auto x = random_normal(c.rows * (c.in + c.x_gap), {.seed = 1});
    const float deviation = 1 / std::sqrt(static_cast<float>(c.in));
    const auto weight = random_normal(c.out * c.in, {.deviation = deviation, .seed = 2});
    const auto bias = random_normal(c.out, {.seed = 3});
    const auto y = random_normal(c.rows * (c.out + c.y_gap), {.seed = 4});
    const auto each = tolerances(reference.linear_f32, c, x, weight, bias, y);
    for (const Epilogue epilogue : {Epilogue::Store, Epilogue::Gelu, Epilogue::Add}) {
      SCOPED_TRACE("epilogue " + std::to_string(static_cast<int>(epilogue)));
      const auto expected = run(reference.linear_f32, c, x, weight, bias, y, epilogue);
      const auto actual = run(fast.linear_f32, c, x, weight, bias, y, epilogue);
      EXPECT_TRUE(close(actual, expected, {.each = each}));
      for (Index row = 0; row < c.rows; ++row) {  // what lies between the rows is not ours
        for (Index gap = 0; gap < c.y_gap; ++gap) {
          const auto at = static_cast<std::size_t>(row * (c.out + c.y_gap) + c.out + gap);
          ASSERT_EQ(actual[at], y[at]);
        }
      }
    }
  }
};

TEST_P(LinearLevels, AgreesAroundEveryTileSize) {
  for (const Index rows : {1, 5, 6, 7, 13, 14, 15, 113}) {
    for (const Index out : {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65}) {
      expect_agreement({.rows = rows, .in = 19, .out = out});
    }
  }
}

TEST_P(LinearLevels, AgreesAtInputsAroundOneChunk) {
  for (const Index in : {1, 8, 15, 16, 17, 768, 1023, 1024, 1025, 1280, 1536, 1920, 4096, 7680}) {
    expect_agreement({.rows = 15, .in = in, .out = 33});
  }
}

TEST_P(LinearLevels, AgreesOnStridedRows) {
  expect_agreement({.rows = 20, .in = 48, .out = 40, .x_gap = 5, .y_gap = 3});
  expect_agreement({.rows = 20, .in = 1100, .out = 40, .x_gap = 1, .y_gap = 7});
}

TEST_P(LinearLevels, PacksRowByRowAsAllAtOnce) {
  const LinearKernel& kernel = fast.linear_f32;
  constexpr Index kOut = 77, kIn = 1030;
  const auto weight = random_normal(kOut * kIn, {.seed = 5});
  const auto packed_in_steps = [&](Index step) {
    AlignedBuffer<float> packed(kernel.packed_bytes(kOut, kIn) / Index{sizeof(float)});
    for (Index row = 0; row < kOut; row += step) {
      kernel.pack({.weight = weight.data() + row * kIn,
                   .out = kOut,
                   .in = kIn,
                   .first_row = row,
                   .rows = std::min(step, kOut - row),
                   .stride = kIn,
                   .packed = packed.data()});
    }
    return std::vector<float>(packed.span().begin(), packed.span().end());
  };
  const auto at_once = packed_in_steps(kOut);
  EXPECT_EQ(packed_in_steps(1), at_once);
  EXPECT_EQ(packed_in_steps(19), at_once);
}

TEST_P(LinearLevels, LetsNotANumberThroughToItsOwnRowOnly) {
  const Case c{.rows = 16, .in = 20, .out = 34};
  auto x = random_normal(c.rows * c.in, {.seed = 6});
  x[3 * 20 + 7] = NAN;
  const auto weight = random_normal(c.out * c.in, {.seed = 7});
  const std::vector<float> bias(34, 0.0f), y(16 * 34, 0.0f);
  const auto actual = run(fast.linear_f32, c, x, weight, bias, y, Epilogue::Gelu);
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(std::isnan(actual[i]), i / 34 == 3) << "at " << i;
  }
}

SAPIENS_FOR_EVERY_LEVEL(LinearLevels);

}  // namespace
}  // namespace sapiens
