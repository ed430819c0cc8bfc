#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "nn/operands.hpp"
#include "sapiens/error.hpp"
#include "support/expect_close.hpp"

namespace sapiens {
namespace {

class LinearAddScaled : public EveryKernel {
 protected:
  static std::vector<float> run(const KernelTable& kernels, const Way& way, const Layer& layer,
                                const std::vector<float>& factor, const std::vector<float>& before,
                                int threads = 2) {
    const ThreadPool pool(threads);
    const Ops ops(kernels, pool, way.precision);
    const LinearWeights w = ops.pack_linear(layer.weights(), layer.bias, way.stored);
    Rows x(ops.activation_type(), layer.rows, layer.in, layer.x);
    Rows y(ActivationType::F32, layer.rows, layer.out, before, 3);
    const auto pass = [&](Workspace& ws) {
      ops.linear_add_scaled(x.view(), w, factor, y.matrix(), ws);
    };
    Workspace ws(measured_bytes(pass));
    pass(ws);
    EXPECT_TRUE(y.gaps_are_untouched());
    return y.floats();
  }

  void expect_agreement(const Layer& layer) const {
    const std::vector<float> factor = random_normal(layer.out, {.mean = 0.5f, .seed = 5});
    const std::vector<float> before = random_normal(layer.rows * layer.out, {.seed = 6});
    const ThreadPool pool(1);
    for (const Way& way : kWays) {
      const ActivationType type = Ops(fast, pool, way.precision).activation_type();
      const std::vector<float> z = layer.sums(reference, way, type);
      std::vector<float> expected;
      std::vector<double> each;
      for (std::size_t i = 0; i < z.size(); ++i) {
        const double f = factor[i % factor.size()];
        expected.push_back(static_cast<float>(before[i] + f * z[i]));
        each.push_back(std::abs(f) * sum_error(layer.in) + 4 * kUnit * std::abs(before[i]));
      }
      EXPECT_TRUE(close(run(fast, way, layer, factor, before), expected,
                        {.relative = 4 * kUnit, .each = each}))
          << way.name << ", rows " << layer.rows << ", in " << layer.in << ", out " << layer.out;
    }
  }
};

TEST_P(LinearAddScaled, AgreesAtEverySize) {
  for (const Index out : {1, 8, 15, 17, 32, 33, 80}) {
    expect_agreement({.rows = 7, .in = 20, .out = out});
  }
  expect_agreement({.rows = 1, .in = 8, .out = 70});
  expect_agreement({.rows = 121, .in = 40, .out = 70});
}

// Beyond one chunk of inputs, 1024 in fp32, and one pass, 2048 with tiles.
TEST_P(LinearAddScaled, AgreesOnManyInputs) {
  for (const Index in : {1023, 1540, 3072}) expect_agreement({.rows = 3, .in = in, .out = 70});
}

TEST_P(LinearAddScaled, GivesTheSameBitsOnAnyNumberOfThreads) {
  for (const auto& [rows, in] : {std::pair<Index, Index>{3, 1100}, {121, 40}}) {
    const Layer layer{.rows = rows, .in = in, .out = 70};
    const std::vector<float> factor = random_normal(70, {.seed = 5});
    const std::vector<float> before = random_normal(rows * 70, {.seed = 6});
    for (const Way& way : kWays) {
      const std::vector<float> alone = run(fast, way, layer, factor, before, 1);
      for (const int threads : {2, 3, 7}) {
        EXPECT_EQ(run(fast, way, layer, factor, before, threads), alone) << way.name;
      }
    }
  }
}

// A factor of 0 leaves y as it is, bit by bit.
TEST_P(LinearAddScaled, LeavesColumnsWhoseFactorIsZero) {
  const Layer layer{.rows = 9, .in = 1100, .out = 40};
  const std::vector<float> before = random_normal(9 * 40, {.seed = 6});
  for (const Way& way : kWays) {
    EXPECT_EQ(run(fast, way, layer, std::vector<float>(40), before), before) << way.name;
  }
}

SAPIENS_FOR_EVERY_KERNEL(LinearAddScaled);

TEST(LinearAddScaledShapes, AreNamedWhereTheyDoNotFit) {
  const ThreadPool pool(1);
  const KernelTable kernels = select_kernels(CpuFeatures::detect()).table;
  const Ops ops(kernels, pool);
  const LinearWeights w = ops.make_linear(6, 8);
  Rows x(ActivationType::F32, 4, 8), y(ActivationType::F32, 4, 6);
  Workspace ws(1 << 20);
  EXPECT_THROW(ops.linear_add_scaled(x.view(), w, std::vector<float>(5), y.matrix(), ws), Error);
}

}  // namespace
}  // namespace sapiens
