#include <string>
#include <vector>

#include "kernels/levels.hpp"
#include "support/expect_close.hpp"
#include "support/random_numbers.hpp"

namespace sapiens {
namespace {

// Widths around every lane count, then the four published model widths.
constexpr Index kWidths[] = {1, 7, 8, 9, 15, 16, 17, 31, 33, 64, 1024, 1280, 1536, 1920};

class LayerNormLevels : public EveryLevel {
 protected:
  std::vector<float> run(const KernelTable& kernels, Index width, float mean, Index gap) {
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
  for (const Index width : kWidths) {
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

SAPIENS_FOR_EVERY_LEVEL(LayerNormLevels);

}  // namespace
}  // namespace sapiens
