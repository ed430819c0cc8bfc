#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/half.hpp"
#include "kernels/levels.hpp"
#include "support/expect_close.hpp"
#include "support/random_numbers.hpp"

namespace sapiens {
namespace {

// Widths around every lane count, then those of Sapiens2.
constexpr Index kRmsNormWidths[] = {1,  7,  8,  9,   15,   16,   17,   31,
                                    33, 64, 76, 768, 1024, 1280, 1536, 2432};
constexpr Index kRows = 3;

/// Rows of x, `gap` numbers apart, and gamma.
struct RmsNormCase {
  Index width, gap = 0;
  std::vector<float> x = random_normal(kRows * (width + gap), {.seed = 1});
  std::vector<float> gamma = random_normal(width, {.mean = 1.0f, .seed = 2});

  template <class T>
  std::vector<T> run(const KernelTable& kernels, ActivationType type) const {
    std::vector<T> y(static_cast<std::size_t>(kRows * width));
    kernels.rms_norm({.x = x.data(),
                      .gamma = gamma.data(),
                      .y = y.data(),
                      .y_type = type,
                      .rows = kRows,
                      .width = width,
                      .x_stride = width + gap,
                      .y_stride = width,
                      .epsilon = 1e-6f});
    return y;
  }
  std::vector<float> floats(const KernelTable& kernels) const {
    return run<float>(kernels, ActivationType::F32);
  }
};

class RmsNormLevels : public EveryLevel {};

// The formula in double, with the same operands in other places, so that an exchange shows.
TEST_P(RmsNormLevels, ComputesTheFormula) {
  for (const Index width : kRmsNormWidths) {
    const RmsNormCase c{.width = width, .gap = 3};
    std::vector<float> expected;
    for (Index r = 0; r < kRows; ++r) {
      const float* const x = c.x.data() + r * (width + 3);
      double squares = 0;
      for (Index i = 0; i < width; ++i) squares += double{x[i]} * double{x[i]};
      const double root = std::sqrt(squares / static_cast<double>(width) + 1e-6);
      for (Index i = 0; i < width; ++i) {
        expected.push_back(
            static_cast<float>(x[i] / root * double{c.gamma[static_cast<std::size_t>(i)]}));
      }
    }
    // A sum of squares has no cancellation: its chains of width / 32 additions err by their length
    // at most, and half of that is left of it in the root. Then five roundings.
    const double relative = (static_cast<double>(width) / 32 + 8) * kUnit;
    EXPECT_TRUE(close(c.floats(fast), expected, {.relative = relative})) << "width " << width;
  }
}

TEST_P(RmsNormLevels, WritesBf16AsTheRoundedFloats) {
  for (const Index width : kRmsNormWidths) {
    const RmsNormCase c{.width = width};
    const std::vector<float> y = c.floats(fast);
    std::vector<std::uint16_t> rounded(y.size());
    std::transform(y.begin(), y.end(), rounded.begin(), bfloat16_bits);
    EXPECT_EQ(c.run<std::uint16_t>(fast, ActivationType::Bf16), rounded) << "width " << width;
  }
}

// Its square is 1e-8, a hundredth of epsilon.
TEST_P(RmsNormLevels, AddsEpsilonInsideTheRoot) {
  RmsNormCase c{.width = 40};
  std::fill(c.x.begin(), c.x.end(), 1e-4f);
  std::fill(c.gamma.begin(), c.gamma.end(), 1.0f);
  const auto expected = static_cast<float>(1e-4 / std::sqrt(1e-8 + 1e-6));
  EXPECT_TRUE(close(c.floats(fast), std::vector<float>(120, expected), {.relative = 1e-6}));
}

TEST_P(RmsNormLevels, LetsNotANumberAndInfinityThroughToTheirOwnRowOnly) {
  for (const float odd : {NAN, INFINITY, -INFINITY}) {
    RmsNormCase c{.width = 100};
    c.x[100 + 99] = odd;
    const std::vector<float> y = c.floats(fast);
    for (std::size_t i = 0; i < y.size(); ++i) {
      ASSERT_TRUE(i / 100 == 1 || std::isfinite(y[i])) << i;
    }
    EXPECT_TRUE(std::isnan(y[199]));
    EXPECT_TRUE(close(y, c.floats(reference), {.relative = 1e-5}));
  }
}

// Their scale would be 0: zeros that look like numbers, as PyTorch returns, where the formula has
// numbers of about 1. The reference computes in double, which holds the squares.
TEST_P(RmsNormLevels, SquaresThatOverflowNeverBecomeZeros) {
  RmsNormCase c{.width = 100};
  c.x[100 + 3] = 1e25f;
  const std::vector<float> y = c.floats(fast), expected = c.floats(reference);
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (i / 100 != 1) {
      ASSERT_TRUE(std::isfinite(y[i])) << i;
    } else if (!std::isnan(y[i])) {
      ASSERT_NEAR(y[i], expected[i], 1e-4) << i;
    }
  }
  EXPECT_TRUE(std::isnan(y[103]) || y[103] != 0);
}

SAPIENS_FOR_EVERY_LEVEL(RmsNormLevels);

}  // namespace
}  // namespace sapiens
