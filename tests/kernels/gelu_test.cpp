#include <cmath>
#include <limits>
#include <vector>

#include "kernels/levels.hpp"
#include "support/expect_close.hpp"

namespace sapiens {
namespace {

class GeluLevels : public EveryLevel {
 protected:
  std::vector<float> gelu(const std::vector<float>& x) {
    std::vector<float> y(x.size());
    fast.gelu(x.data(), y.data(), std::ssize(x));
    return y;
  }
};

double exact_gelu(double x) { return 0.5 * x * std::erfc(-x * std::sqrt(0.5)); }

TEST_P(GeluLevels, KeepsItsDigitsInBothTails) {
  std::vector<float> x;
  for (int i = -140000; i <= 140000; ++i) x.push_back(static_cast<float>(i) * 1e-4f);
  std::vector<float> expected;
  std::vector<double> each;
  for (const float value : x) {
    expected.push_back(static_cast<float>(exact_gelu(value)));
    // The fit and its evaluation give 3.2e-7 (elementary.hpp), the exponent x^2 / 2 log2 e has two
    // roundings. Below 2^-125 AVX2 stops: 14 * 2^-125 is 3.3e-37.
    const double relative = value < 0 ? 4e-7 + 2 * kUnit * value * value / 2 : 4e-7;
    each.push_back(relative * std::abs(exact_gelu(value)) + 4e-37);
  }
  EXPECT_TRUE(close(gelu(x), expected, {.each = each}));
}

// What PyTorch 2 gives, too: -inf is -inf * 0.
TEST_P(GeluLevels, TreatsExtremesLikePyTorch) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kMax = std::numeric_limits<float>::max();
  constexpr float kDenormal = std::numeric_limits<float>::denorm_min() * 1000;
  const std::vector<float> y =
      gelu({kInf, kMax, 100.0f, 0.0f, kDenormal, -100.0f, -kMax, -kInf, NAN});
  EXPECT_EQ(y[0], kInf);
  EXPECT_EQ(y[1], kMax);
  EXPECT_EQ(y[2], 100.0f);
  EXPECT_EQ(y[3], 0.0f);
  EXPECT_EQ(y[4], kDenormal / 2);
  EXPECT_NEAR(y[5], 0.0f, 1e-35f);
  EXPECT_NEAR(y[6], 0.0f, 10.0f);
  EXPECT_TRUE(std::isnan(y[7]));
  EXPECT_TRUE(std::isnan(y[8]));
}

TEST_P(GeluLevels, LeavesWhatLiesBehindTheLastValue) {
  for (Index n = 0; n <= 33; ++n) {
    std::vector<float> x(40, 1.0f), y(40, -7.0f);
    fast.gelu(x.data(), y.data(), n);
    for (Index i = 0; i < 40; ++i) ASSERT_EQ(y[static_cast<std::size_t>(i)] == -7.0f, i >= n);
  }
}

SAPIENS_FOR_EVERY_LEVEL(GeluLevels);

}  // namespace
}  // namespace sapiens
