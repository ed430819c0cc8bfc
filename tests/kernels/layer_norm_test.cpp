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

// Widths around every lane count, then the four published model widths.
constexpr Index kLayerNormWidths[] = {1, 7, 8, 9, 15, 16, 17, 31, 33, 64, 1024, 1280, 1536, 1920};

class LayerNormLevels : public EveryLevel {
 protected:
  static std::vector<float> run(const KernelTable& kernels, Index width, float mean, Index gap) {
    constexpr Index kRows = 3;
    const auto x = random_normal(kRows * (width + gap), {.mean = mean, .seed = 1});
    const auto gamma = random_normal(width, {.mean = 1.0f, .seed = 2});
    const auto beta = random_normal(width, {.seed = 3});
    std::vector<float> y(static_cast<std::size_t>(kRows * width));
    kernels.layer_norm({.x = x.data(),
                        .gamma = gamma.data(),
                        .beta = beta.data(),
                        .y = y.data(),
                        .rows = kRows,
                        .width = width,
                        .x_stride = width + gap,
                        .y_stride = width,
                        .epsilon = 1e-6f});
    return y;
  }
};

// x - mean is exact up to the error of the mean: a few ulps of the values themselves, about 40 or
// 1, times gamma (below 5).
TEST_P(LayerNormLevels, AgreesAtEveryWidth) {
  for (const Index width : kLayerNormWidths) {
    SCOPED_TRACE("width " + std::to_string(width));
    const Tolerance centred{.absolute = 5 * 4 * 8 * kUnit};
    EXPECT_TRUE(close(run(fast, width, 0, 0), run(reference, width, 0, 0), centred));
    // One row of one number is 0 / sqrt(eps): the error of the mean would be blown up 1000 times.
    const Tolerance shifted{.absolute = 5 * 40 * 8 * kUnit};
    EXPECT_TRUE(close(run(fast, width, 40, 5), run(reference, width, 40, 5), shifted));
  }
}

TEST_P(LayerNormLevels, GivesBetaForAConstantRow) {
  const std::vector<float> x(100, 12.5f), gamma(100, 3.0f), beta(100, -0.25f);
  std::vector<float> y(100);
  fast.layer_norm({.x = x.data(),
                   .gamma = gamma.data(),
                   .beta = beta.data(),
                   .y = y.data(),
                   .rows = 1,
                   .width = 100,
                   .x_stride = 100,
                   .y_stride = 100,
                   .epsilon = 1e-6f});
  EXPECT_EQ(y, beta);
}

// Three rows of y, with x as given.
template <class T>
std::vector<T> normalise(const KernelTable& kernels, const std::vector<float>& x,
                         ActivationType type) {
  const auto width = static_cast<Index>(x.size()) / 3;
  const auto gamma = random_normal(width, {.mean = 1.0f, .seed = 2});
  const auto beta = random_normal(width, {.seed = 3});
  std::vector<T> y(x.size());
  kernels.layer_norm({.x = x.data(),
                      .gamma = gamma.data(),
                      .beta = beta.data(),
                      .y = y.data(),
                      .y_type = type,
                      .rows = 3,
                      .width = width,
                      .x_stride = width,
                      .y_stride = width,
                      .epsilon = 1e-6f});
  return y;
}

TEST_P(LayerNormLevels, WritesBf16AsTheRoundedFloats) {
  for (const Index width : kLayerNormWidths) {
    const auto x = random_normal(3 * width, {.seed = 1});
    const auto y = normalise<float>(fast, x, ActivationType::F32);
    std::vector<std::uint16_t> rounded(y.size());
    std::transform(y.begin(), y.end(), rounded.begin(), bfloat16_bits);
    EXPECT_EQ(normalise<std::uint16_t>(fast, x, ActivationType::Bf16), rounded)
        << "width " << width;
  }
}

TEST_P(LayerNormLevels, LetsNotANumberAndInfinityThroughToTheirOwnRowOnly) {
  for (const float odd : {NAN, INFINITY, -INFINITY}) {
    auto x = random_normal(3 * 100, {.seed = 1});
    x[100 + 99] = odd;
    const auto y = normalise<float>(fast, x, ActivationType::F32);
    for (std::size_t i = 0; i < y.size(); ++i) ASSERT_EQ(std::isnan(y[i]), i / 100 == 1) << i;
  }
}

// The scale of such a row would be 0, and the row beta alone. The reference computes in double,
// which holds the squares.
TEST_P(LayerNormLevels, SquaresThatOverflowNeverBecomeBeta) {
  auto x = random_normal(3 * 100, {.seed = 1});
  x[100 + 3] = 1e25f;
  const auto y = normalise<float>(fast, x, ActivationType::F32);
  const auto expected = normalise<float>(reference, x, ActivationType::F32);
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (i / 100 != 1) {
      ASSERT_TRUE(std::isfinite(y[i])) << i;
    } else if (!std::isnan(y[i])) {
      ASSERT_NEAR(y[i], expected[i], 1e-4) << i;
    }
  }
}

// Their variance is far below epsilon: y is beta.
TEST_P(LayerNormLevels, GivesBetaForDenormals) {
  auto x = random_normal(3 * 100, {.seed = 1});
  for (float& value : x) value *= 0x1p-130f;
  const auto beta = random_normal(100, {.seed = 3});
  const auto y = normalise<float>(fast, x, ActivationType::F32);
  for (std::size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], beta[i % 100]) << i;
}

SAPIENS_FOR_EVERY_LEVEL(LayerNormLevels);

}  // namespace
}  // namespace sapiens
