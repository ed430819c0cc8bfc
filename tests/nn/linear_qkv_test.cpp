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

/// A layer for q, k and v of some images, with norms and rotations whose numbers all differ.
struct QkvCase {
  AttentionShape shape;
  Index images, tokens, in;
  Layer layer = {.rows = images * tokens, .in = in, .out = shape.columns()};
  std::vector<float> q_gamma = random_normal(shape.head_dim, {.mean = 1, .seed = 5});
  std::vector<float> k_gamma = random_normal(shape.head_dim, {.mean = 1, .seed = 6});
  std::vector<float> rotations = random_rotations(tokens, shape.head_dim);

  // The first token has no angles.
  static std::vector<float> random_rotations(Index tokens, Index head_dim) {
    const Index half = head_dim / 2;
    const std::vector<float> angles = random_normal(tokens * half, {.deviation = 2, .seed = 7});
    std::vector<float> rows;
    for (Index t = 0; t < tokens; ++t) {
      for (Index i = 0; i < head_dim; ++i) {
        const float angle = t == 0 ? 0 : angles[static_cast<std::size_t>(t * half + i % half)];
        rows.push_back(i < half ? std::cos(angle) : std::sin(angle));
      }
    }
    return rows;
  }

  RotaryNorm norm() const {
    return {.q_gamma = q_gamma,
            .k_gamma = k_gamma,
            .rotations = {rotations.data(), {tokens, shape.head_dim}}};
  }
};

std::string described(const Way& way, const QkvCase& c) {
  return std::string(way.name) + ", heads " + std::to_string(c.shape.heads) + " / " +
         std::to_string(c.shape.kv_heads) + " of " + std::to_string(c.shape.head_dim) +
         ", tokens " + std::to_string(c.tokens) + ", in " + std::to_string(c.in);
}

class LinearQkv : public EveryKernel {
 protected:
  static std::vector<float> run(const KernelTable& kernels, const Way& way, const QkvCase& c,
                                int threads = 2) {
    const ThreadPool pool(threads);
    const Ops ops(kernels, pool, way.precision);
    const LinearWeights w = ops.pack_linear(c.layer.weights(), c.layer.bias, way.stored);
    Rows x(ops.activation_type(), c.layer.rows, c.in, c.layer.x);
    Rows y(ops.activation_type(), c.layer.rows, c.shape.columns(), {}, 3);
    const auto pass = [&](Workspace& ws) {
      ops.linear_qkv(x.view(), w, c.shape, c.norm(), y.view(), ws);
    };
    Workspace ws(measured_bytes(pass));
    pass(ws);
    EXPECT_TRUE(y.gaps_are_untouched());
    return y.floats();
  }

  // The definition in double, from sums of the reference that are rounded as they are stored.
  void expect_agreement(const QkvCase& c) const {
    const Index D = c.shape.head_dim, half = D / 2;
    const Index rotated = c.shape.heads + c.shape.kv_heads;
    const ThreadPool pool(1);
    for (const Way& way : kWays) {
      const ActivationType type = Ops(fast, pool, way.precision).activation_type();
      const bool is_bf16 = type == ActivationType::Bf16;
      std::vector<float> expected = c.layer.sums(reference, way, type);
      if (is_bf16) {
        for (float& z : expected) z = bfloat16_to_float(bfloat16_bits(z));
      }
      // Numbers that are stored as bf16 may be rounded to a neighbour, twice.
      const double share = is_bf16 ? 0x1p-7 : 8 * kUnit;
      std::vector<double> each(expected.size());
      for (std::size_t i = 0; i < each.size(); ++i) {
        each[i] = sum_error(c.in) + share * std::abs(expected[i]);
      }
      for (Index r = 0; r < c.layer.rows; ++r) {
        const float* const cos = c.rotations.data() + r % c.tokens * D;
        for (Index h = 0; h < rotated; ++h) {
          const std::vector<float>& gamma = h < c.shape.heads ? c.q_gamma : c.k_gamma;
          float* const v = expected.data() + r * c.layer.out + h * D;
          double* const tolerance = each.data() + r * c.layer.out + h * D;
          double squares = 0;
          for (Index i = 0; i < D; ++i) squares += double{v[i]} * v[i];
          const double root = std::sqrt(squares / static_cast<double>(D) + 1e-6);
          for (Index i = 0; i < half; ++i) {
            const double ga = gamma[static_cast<std::size_t>(i)] / root;
            const double gb = gamma[static_cast<std::size_t>(half + i)] / root;
            const double a = v[i] * ga, b = v[half + i] * gb;
            v[i] = static_cast<float>(a * cos[i] - b * cos[half + i]);
            v[half + i] = static_cast<float>(b * cos[i] + a * cos[half + i]);
            tolerance[i] = tolerance[half + i] =
                (std::abs(ga) + std::abs(gb)) * 3 * sum_error(c.in) +
                2 * share * (std::abs(a) + std::abs(b));
          }
        }
      }
      EXPECT_TRUE(close(run(fast, way, c), expected, {.each = each})) << described(way, c);
    }
  }
};

TEST_P(LinearQkv, AgreesAtEveryHeadDimension) {
  for (const Index head_dim : {2, 4, 8, 12, 14, 34, 60, 64, 76, 80}) {
    expect_agreement({{.heads = 3, .kv_heads = 3, .head_dim = head_dim}, 1, 7, 24});
  }
}

TEST_P(LinearQkv, AgreesInEveryGroup) {
  for (const Index group : {1, 2, 4, 8}) {
    expect_agreement({{.heads = 8, .kv_heads = 8 / group, .head_dim = 12}, 1, 5, 24});
  }
}

TEST_P(LinearQkv, AgreesOnSeveralImages) {
  const AttentionShape shape{.heads = 2, .kv_heads = 1, .head_dim = 12};
  expect_agreement({shape, 3, 1, 16});
  expect_agreement({shape, 2, 9, 16});
  expect_agreement({shape, 12, 21, 16});
}

TEST_P(LinearQkv, AgreesOnManyInputs) {
  const AttentionShape shape{.heads = 4, .kv_heads = 2, .head_dim = 76};
  for (const Index in : {1023, 1540, 2432}) expect_agreement({shape, 1, 3, in});
}

// Few rows and many threads cut the columns, but no head.
TEST_P(LinearQkv, GivesTheSameBitsOnAnyNumberOfThreads) {
  const AttentionShape shape{.heads = 6, .kv_heads = 3, .head_dim = 20};
  for (const auto& [tokens, in] : {std::pair<Index, Index>{3, 1100}, {121, 40}}) {
    const QkvCase c{shape, 2, tokens, in};
    for (const Way& way : kWays) {
      const std::vector<float> alone = run(fast, way, c, 1);
      for (const int threads : {2, 3, 7}) {
        EXPECT_EQ(run(fast, way, c, threads), alone) << described(way, c) << ", " << threads;
      }
    }
  }
}

TEST_P(LinearQkv, LetsNotANumberThroughToItsOwnRowOnly) {
  QkvCase c{{.heads = 2, .kv_heads = 2, .head_dim = 20}, 1, 5, 24};
  c.layer.x[3 * 24 + 1] = NAN;
  for (const Way& way : kWays) {
    const std::vector<float> y = run(fast, way, c);
    for (std::size_t i = 0; i < y.size(); ++i) {
      ASSERT_EQ(std::isnan(y[i]), i / 120 == 3) << described(way, c) << ", at " << i;
    }
  }
}

SAPIENS_FOR_EVERY_KERNEL(LinearQkv);

TEST(LinearQkvShapes, AreNamedWhereTheyDoNotFit) {
  const ThreadPool pool(1);
  const KernelTable kernels = select_kernels(CpuFeatures::detect()).table;
  const Ops ops(kernels, pool);
  const QkvCase good{{.heads = 2, .kv_heads = 1, .head_dim = 4}, 1, 3, 8};
  const auto code_of = [&](const AttentionShape& shape, Index rows, const RotaryNorm& norm) {
    const LinearWeights w = ops.make_linear(shape.columns(), 8);
    Rows x(ActivationType::F32, rows, 8), y(ActivationType::F32, rows, shape.columns());
    Workspace ws(1 << 20);
    try {
      ops.linear_qkv(x.view(), w, shape, norm, y.view(), ws);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::Internal;
  };
  EXPECT_EQ(code_of({2, 1, 3}, 3, good.norm()), ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of({3, 2, 4}, 3, good.norm()), ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of({2, 0, 4}, 3, good.norm()), ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of(good.shape, 4, good.norm()), ErrorCode::ShapeMismatch);
  EXPECT_EQ(code_of({2, 1, 6}, 3, good.norm()), ErrorCode::ShapeMismatch);
  RotaryNorm short_gamma = good.norm();
  short_gamma.k_gamma = short_gamma.k_gamma.first(3);
  EXPECT_EQ(code_of(good.shape, 3, short_gamma), ErrorCode::ShapeMismatch);
}

}  // namespace
}  // namespace sapiens
