#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "nn/operands.hpp"
#include "sapiens/error.hpp"
#include "support/expect_close.hpp"

namespace sapiens {
namespace {

/// Rows of the weight that a test packs at once.
constexpr Index kAllRows = 1 << 20;

class SwiGlu : public EveryKernel {
 protected:
  static std::vector<float> run(const KernelTable& kernels, const Way& way, const Layer& layer,
                                Index slice = kAllRows, int threads = 2) {
    const ThreadPool pool(threads);
    const Ops ops(kernels, pool, way.precision);
    const Index hidden = layer.out / 2;
    LinearWeights gated = ops.make_gated_linear(hidden, layer.in, way.stored);
    for (Index row = 0; row < layer.out; row += slice) {
      const Index count = std::min(slice, layer.out - row);
      ops.pack_gated_rows(gated, row, layer.weights().slice(0, row, count));
    }
    ops.set_gated_bias(gated, layer.bias);
    Rows x(ops.activation_type(), layer.rows, layer.in, layer.x);
    Rows y(ops.activation_type(), layer.rows, hidden, {}, 5);
    const auto pass = [&](Workspace& ws) { ops.linear_swiglu(x.view(), gated, y.view(), ws); };
    Workspace ws(measured_bytes(pass));
    pass(ws);
    EXPECT_TRUE(y.gaps_are_untouched());
    return y.floats();
  }

  void expect_agreement(const Layer& layer) const {
    const Index hidden = layer.out / 2;
    const ThreadPool pool(1);
    for (const Way& way : kWays) {
      const ActivationType type = Ops(fast, pool, way.precision).activation_type();
      const std::vector<float> z = layer.sums(reference, way, type);
      std::vector<float> expected;
      std::vector<double> each;
      for (Index r = 0; r < layer.rows; ++r) {
        for (Index h = 0; h < hidden; ++h) {
          const double gate = z[static_cast<std::size_t>(r * layer.out + h)];
          const double value = z[static_cast<std::size_t>(r * layer.out + hidden + h)];
          expected.push_back(static_cast<float>(gate / (1 + std::exp(-gate)) * value));
          // The slope of silu is below 1.1. Its own error is a few roundings, and |gate| ulps of
          // the exponent below 0.
          each.push_back(1.1 * sum_error(layer.in) * (std::abs(gate) + std::abs(value) + 1));
        }
      }
      // One rounding to bf16, of a silu that is itself off by 1.4e-4.
      const double relative = type == ActivationType::Bf16 ? 0x1p-8 + 1.5e-4 : 1e-6;
      EXPECT_TRUE(close(run(fast, way, layer), expected, {.relative = relative, .each = each}))
          << way.name << ", rows " << layer.rows << ", in " << layer.in << ", hidden " << hidden;
    }
  }
};

TEST_P(SwiGlu, AgreesAtEveryWidth) {
  for (const Index hidden : {1, 5, 7, 8, 9, 15, 16, 17, 31, 33, 80, 304}) {
    expect_agreement({.rows = 7, .in = 20, .out = 2 * hidden});
  }
}

TEST_P(SwiGlu, AgreesOnAnyNumberOfRows) {
  for (const Index rows : {1, 15, 121}) expect_agreement({.rows = rows, .in = 8, .out = 2 * 40});
}

// Sums rest in scratch memory between chunks of 1024 inputs, 256 pairs at a time.
TEST_P(SwiGlu, AgreesOnManyInputs) {
  expect_agreement({.rows = 3, .in = 1023, .out = 2 * 20});
  expect_agreement({.rows = 3, .in = 1540, .out = 2 * 304});
  expect_agreement({.rows = 3, .in = 2432, .out = 2 * 24});
}

TEST_P(SwiGlu, GivesTheSameBitsHoweverTheWeightIsSliced) {
  const Layer layer{.rows = 3, .in = 20, .out = 2 * 37};
  for (const Way& way : kWays) {
    const std::vector<float> whole = run(fast, way, layer);
    for (const Index slice : {1, 9, 36, 37, 38, 50}) {
      EXPECT_EQ(run(fast, way, layer, slice), whole) << way.name << ", slices of " << slice;
    }
  }
}

TEST_P(SwiGlu, GivesTheSameBitsOnAnyNumberOfThreads) {
  for (const auto& [rows, in] : {std::pair<Index, Index>{3, 1100}, {121, 40}}) {
    const Layer layer{.rows = rows, .in = in, .out = 2 * 70};
    for (const Way& way : kWays) {
      const std::vector<float> alone = run(fast, way, layer, kAllRows, 1);
      for (const int threads : {2, 3, 7}) {
        EXPECT_EQ(run(fast, way, layer, kAllRows, threads), alone) << way.name << ", " << threads;
      }
    }
  }
}

TEST_P(SwiGlu, LetsNotANumberThroughToItsOwnRowOnly) {
  Layer layer{.rows = 5, .in = 20, .out = 2 * 34};
  layer.x[2 * 20 + 3] = NAN;
  for (const Way& way : kWays) {
    const std::vector<float> y = run(fast, way, layer);
    for (std::size_t i = 0; i < y.size(); ++i) {
      ASSERT_EQ(std::isnan(y[i]), i / 34 == 2) << way.name << ", at " << i;
    }
  }
}

// Far below 0 the gate closes, far above it is the identity; nothing overflows.
TEST_P(SwiGlu, SurvivesGatesOfThousands) {
  Layer layer{.rows = 2, .in = 1, .out = 2, .x = {-3000, 3000}, .weight = {1, 0}, .bias = {0, 2}};
  for (const Way& way : kWays) {
    EXPECT_TRUE(close(run(fast, way, layer), std::vector<float>{0, 6000},
                      {.absolute = 1e-30, .relative = 0x1p-7}))
        << way.name;
  }
}

SAPIENS_FOR_EVERY_KERNEL(SwiGlu);

TEST(SwiGluShapes, AreNamedWhereTheyDoNotFit) {
  const ThreadPool pool(1);
  const KernelTable kernels = select_kernels(CpuFeatures::detect()).table;
  const Ops ops(kernels, pool);
  LinearWeights gated = ops.make_gated_linear(5, 8);
  Rows rows(ActivationType::F32, 4, 8), y(ActivationType::F32, 4, 10);
  Workspace ws(1 << 20);
  EXPECT_THROW(ops.linear_swiglu(rows.view(), gated, y.view(), ws), Error);
  EXPECT_THROW(ops.pack_gated_rows(gated, 7, rows.matrix()), Error);
  EXPECT_THROW(ops.pack_gated_rows(gated, -1, rows.matrix()), Error);
  EXPECT_THROW(ops.set_gated_bias(gated, std::vector<float>(5)), Error);
}

}  // namespace
}  // namespace sapiens
