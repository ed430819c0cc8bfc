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

// Around every lane count, and the channels of the heads.
constexpr Index kInstanceNormWidths[] = {1, 7, 8, 9, 15, 16, 17, 33, 384, 768};
constexpr Index kGap = 3;  // numbers between two rows

std::vector<std::uint16_t> as_bf16(const std::vector<float>& x) {
  std::vector<std::uint16_t> rounded(x.size());
  std::transform(x.begin(), x.end(), rounded.begin(), bfloat16_bits);
  return rounded;
}

std::vector<float> as_floats(const std::vector<std::uint16_t>& x) {
  std::vector<float> wide(x.size());
  std::transform(x.begin(), x.end(), wide.begin(), bfloat16_to_float);
  return wide;
}

struct Statistics {
  std::vector<float> mean, squares;
};

class InstanceNormLevels : public EveryLevel {
 protected:
  template <class T>
  static Statistics statistics(const KernelTable& kernels, const std::vector<T>& x, Index rows,
                               Index width) {
    const auto columns = static_cast<std::size_t>(width);
    Statistics found{std::vector<float>(columns), std::vector<float>(columns)};
    kernels.column_statistics({.x = x.data(),
                               .type = sizeof(T) == 4 ? ActivationType::F32 : ActivationType::Bf16,
                               .rows = rows,
                               .width = width,
                               .x_stride = width + kGap,
                               .mean = found.mean.data(),
                               .squares = found.squares.data()});
    return found;
  }

  // Rows of `width`, as far apart as those of x; what lies between them stays 0.
  template <class To, class From>
  static std::vector<To> normalise(const KernelTable& kernels, const std::vector<From>& x,
                                   const std::vector<float>& mean,
                                   const std::vector<float>& scale) {
    const Index width = std::ssize(mean);
    std::vector<To> y(x.size());
    kernels.normalize_silu(
        {.x = x.data(),
         .y = y.data(),
         .x_type = sizeof(From) == 4 ? ActivationType::F32 : ActivationType::Bf16,
         .y_type = sizeof(To) == 4 ? ActivationType::F32 : ActivationType::Bf16,
         .rows = std::ssize(x) / (width + kGap),
         .width = width,
         .x_stride = width + kGap,
         .y_stride = width + kGap,
         .mean = mean.data(),
         .scale = scale.data()});
    return y;
  }

  // silu of numbers that are not scaled or shifted.
  std::vector<float> silu(std::vector<float> z) {
    const std::size_t n = z.size();
    z.resize(n + kGap);
    auto y = normalise<float>(fast, z, std::vector<float>(n, 0.0f), std::vector<float>(n, 1.0f));
    y.resize(n);
    return y;
  }
};

// A sum of `rows` numbers of size m has an error of at most rows u m rows, so a mean rows u m, and
// each of the squares twice that times its deviation; both are far smaller for random signs.
TEST_P(InstanceNormLevels, FindMeanAndSquaresOfEveryColumn) {
  for (const Index width : kInstanceNormWidths) {
    for (const Index rows : {1, 2, 7, 8, 9, 50}) {
      for (const float mean : {0.0f, 100.0f}) {
        SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(width));
        const auto x = random_normal(rows * (width + kGap), {.mean = mean, .seed = 1});
        const double error = static_cast<double>(rows) * kUnit * (mean + 1);
        const Tolerance of_mean{.absolute = error},
            of_squares{.absolute = 4 * static_cast<double>(rows) * error, .relative = 1e-5};
        const auto found = statistics(fast, x, rows, width);
        const auto expected = statistics(reference, x, rows, width);
        EXPECT_TRUE(close(found.mean, expected.mean, of_mean));
        EXPECT_TRUE(close(found.squares, expected.squares, of_squares));

        const auto narrow = as_bf16(x);
        const auto of_narrow = statistics(fast, narrow, rows, width);
        const auto of_widened = statistics(fast, as_floats(narrow), rows, width);
        EXPECT_EQ(of_narrow.mean, of_widened.mean);
        EXPECT_EQ(of_narrow.squares, of_widened.squares);
      }
    }
  }
}

TEST_P(InstanceNormLevels, DoNotCancelWhereTheMeanIsLarge) {
  constexpr Index kRows = 100;
  const auto x = random_normal(kRows * (16 + kGap), {.mean = 4096, .seed = 2});
  const auto found = statistics(fast, x, kRows, 16);
  // The mean is off by an ulp of 4096 (2^-11) or two, its square times rows is 1e-4 of the sum.
  EXPECT_TRUE(close(found.squares, statistics(reference, x, kRows, 16).squares,
                    {.absolute = 100 * 4 * 0x1p-22, .relative = 1e-5}));
}

// x - mean has one rounding, z another, exp(-|z|) an error of |z| roundings and 1 ulp of its
// exponent, the division and the product three more.
TEST_P(InstanceNormLevels, NormaliseAndActivateInEveryType) {
  for (const Index width : kInstanceNormWidths) {
    SCOPED_TRACE("width " + std::to_string(width));
    const auto x = random_normal(5 * (width + kGap), {.mean = 3, .deviation = 4, .seed = 3});
    const auto mean = random_normal(width, {.mean = 3, .seed = 4});
    const auto scale = random_normal(width, {.deviation = 0.5f, .seed = 5});
    const auto expected = normalise<float>(reference, x, mean, scale);
    const Tolerance fp32{.absolute = 1e-12, .relative = 30 * kUnit};
    EXPECT_TRUE(close(normalise<float>(fast, x, mean, scale), expected, fp32));
    // One rounding to bf16 (8 bits), and 1.4e-4 of a rougher formula.
    const Tolerance bf16{.absolute = 1e-12, .relative = 0x1p-8 + 2e-4};
    EXPECT_TRUE(close(as_floats(normalise<std::uint16_t>(fast, x, mean, scale)), expected, bf16));

    const auto narrow = as_bf16(x);
    EXPECT_EQ(normalise<float>(fast, narrow, mean, scale),
              normalise<float>(fast, as_floats(narrow), mean, scale));
  }
}

TEST_P(InstanceNormLevels, KeepTheDigitsOfBothTails) {
  std::vector<float> z;
  for (int i = -80000; i <= 80000; ++i) z.push_back(static_cast<float>(i) * 1e-3f);
  std::vector<float> expected;
  std::vector<double> each;
  for (const float value : z) {
    expected.push_back(static_cast<float>(value / (1 + std::exp(-double{value}))));
    const double exponent = value < 0 ? -value : 0;
    each.push_back((8 + 2 * exponent) * kUnit * std::abs(expected.back()));
  }
  EXPECT_TRUE(close(silu(z), expected, {.each = each}));
}

TEST_P(InstanceNormLevels, TreatExtremesLikePyTorch) {
  const auto y = silu({INFINITY, 3e38f, -3e38f, -1000.0f, NAN, 0.0f});
  EXPECT_EQ(y[0], INFINITY);
  EXPECT_EQ(y[1], 3e38f);
  EXPECT_NEAR(y[2], 0, 3.1e38 * 0x1p-125);  // AVX2's powers stop there
  EXPECT_NEAR(y[3], 0, 1e-34);
  EXPECT_TRUE(std::isnan(y[4]));
  EXPECT_EQ(y[5], 0);
}

TEST_P(InstanceNormLevels, LetNotANumberThroughToItsOwnColumnOnly) {
  auto x = random_normal(9 * (20 + kGap), {.seed = 6});
  x[4 * (20 + kGap) + 17] = NAN;
  const auto found = statistics(fast, x, 9, 20);
  for (std::size_t c = 0; c < 20; ++c) {
    EXPECT_EQ(std::isnan(found.mean[c]), c == 17);
    EXPECT_EQ(std::isnan(found.squares[c]), c == 17);
  }
}

TEST_P(InstanceNormLevels, LeaveWhatLiesBetweenRows) {
  const auto x = random_normal(2 * (17 + kGap), {.seed = 7});
  const std::vector<float> mean(17, 0.5f), scale(17, 1.0f);
  const auto y = normalise<float>(fast, x, mean, scale);
  const auto narrow = normalise<std::uint16_t>(fast, x, mean, scale);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const bool between = i % (17 + kGap) >= 17;
    EXPECT_EQ(y[i] == 0, between) << i;
    EXPECT_EQ(narrow[i] == 0, between) << i;
  }
}

SAPIENS_FOR_EVERY_LEVEL(InstanceNormLevels);

}  // namespace
}  // namespace sapiens
