#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "nn/operands.hpp"
#include "sapiens/error.hpp"
#include "support/expect_close.hpp"

namespace sapiens {
namespace {

constexpr Precision kPrecisions[] = {Precision::Fp32, Precision::Bf16};

/// Rows of q | k | v of one image.
struct AttentionCase {
  AttentionShape shape;
  Index tokens;
  std::vector<float> qkv = random_normal(tokens * shape.columns(), {.seed = 1});

  std::vector<float> run(const KernelTable& kernels, Precision precision, int threads = 2) const {
    const ThreadPool pool(threads);
    const Ops ops(kernels, pool, precision);
    Rows x(ops.activation_type(), tokens, shape.columns(), qkv, 0);
    Rows y(ops.activation_type(), tokens, shape.width(), {}, 3);
    const auto pass = [&](Workspace& ws) { ops.attention(x.view(), shape, y.view(), ws); };
    Workspace ws(measured_bytes(pass));
    pass(ws);
    EXPECT_TRUE(y.gaps_are_untouched());
    return y.floats();
  }

  /// The same with keys and values of their own for every query head.
  AttentionCase ungrouped() const {
    AttentionCase c{{.heads = shape.heads, .kv_heads = shape.heads, .head_dim = shape.head_dim},
                    tokens};
    const Index D = shape.head_dim, group = shape.heads / shape.kv_heads;
    c.qkv.clear();
    for (Index t = 0; t < tokens; ++t) {
      const float* const row = qkv.data() + t * shape.columns();
      c.qkv.insert(c.qkv.end(), row, row + shape.width());
      for (const Index part : {shape.width(), shape.width() + shape.kv_width()}) {
        for (Index h = 0; h < shape.heads; ++h) {
          const float* const head = row + part + h / group * D;
          c.qkv.insert(c.qkv.end(), head, head + D);
        }
      }
    }
    return c;
  }
};

// softmax(q k^T / sqrt(head_dim)) v in double, head by head.
std::vector<float> formula(const AttentionCase& c) {
  const auto& [heads, kv_heads, D] = c.shape;
  const auto at = [&](Index token, Index column) {
    return double{c.qkv[static_cast<std::size_t>(token * c.shape.columns() + column)]};
  };
  std::vector<float> y;
  for (Index t = 0; t < c.tokens; ++t) {
    for (Index h = 0; h < heads; ++h) {
      const Index k = c.shape.width() + h / (heads / kv_heads) * D, v = k + c.shape.kv_width();
      std::vector<double> sums(static_cast<std::size_t>(D));
      double total = 0;
      for (Index u = 0; u < c.tokens; ++u) {
        double dot = 0;
        for (Index d = 0; d < D; ++d) dot += at(t, h * D + d) * at(u, k + d);
        const double weight = std::exp(dot / std::sqrt(static_cast<double>(D)));
        total += weight;
        for (Index d = 0; d < D; ++d) sums[static_cast<std::size_t>(d)] += weight * at(u, v + d);
      }
      for (const double sum : sums) y.push_back(static_cast<float>(sum / total));
    }
  }
  return y;
}

std::string described(const AttentionCase& c) {
  return "heads " + std::to_string(c.shape.heads) + " / " + std::to_string(c.shape.kv_heads) +
         " of " + std::to_string(c.shape.head_dim) + ", tokens " + std::to_string(c.tokens);
}

class GroupedAttention : public EveryKernel {
 protected:
  void expect_equal_to_ungrouped(const AttentionCase& c) const {
    for (const Precision precision : kPrecisions) {
      EXPECT_EQ(c.run(fast, precision), c.ungrouped().run(fast, precision))
          << precision_name(precision) << ", " << described(c);
    }
  }
};

// Operands are numbers that bf16 can hold. In bf16, weights err by 0.7 % and values are up to 4; y
// is rounded.
TEST_P(GroupedAttention, ComputesTheFormula) {
  for (const Index group : {1, 2, 4, 8}) {
    AttentionCase c{{.heads = 8, .kv_heads = 8 / group, .head_dim = 12}, 21};
    for (float& x : c.qkv) x = bfloat16_to_float(bfloat16_bits(x));
    const std::vector<float> expected = formula(c);
    EXPECT_TRUE(close(c.run(fast, Precision::Fp32), expected, {.absolute = 1e-5})) << described(c);
    EXPECT_TRUE(close(c.run(fast, Precision::Bf16), expected, {.absolute = 0.03})) << described(c);
  }
}

TEST_P(GroupedAttention, GivesTheBitsOfHeadsWithKeysOfTheirOwn) {
  for (const Index group : {1, 2, 4, 8}) {
    expect_equal_to_ungrouped({{.heads = 8, .kv_heads = 8 / group, .head_dim = 12}, 45});
  }
  for (const Index head_dim : {4, 12, 60, 64, 76, 80}) {
    expect_equal_to_ungrouped({{.heads = 4, .kv_heads = 2, .head_dim = head_dim}, 70});
  }
  for (const Index tokens : {1, 9, 10, 21, 265}) {
    expect_equal_to_ungrouped({{.heads = 6, .kv_heads = 3, .head_dim = 16}, tokens});
  }
  // Several blocks of queries, and more heads than one call of the reference takes.
  expect_equal_to_ungrouped({{.heads = 4, .kv_heads = 1, .head_dim = 4}, 601});
  expect_equal_to_ungrouped({{.heads = 20, .kv_heads = 1, .head_dim = 4}, 21});
}

TEST_P(GroupedAttention, GivesTheSameBitsOnAnyNumberOfThreads) {
  for (const Index kv_heads : {1, 2, 3, 6}) {
    const AttentionCase c{{.heads = 6, .kv_heads = kv_heads, .head_dim = 20}, 137};
    for (const Precision precision : kPrecisions) {
      const std::vector<float> alone = c.run(fast, precision, 1);
      for (const int threads : {2, 3, 7}) {
        EXPECT_EQ(c.run(fast, precision, threads), alone) << described(c) << ", " << threads;
      }
    }
  }
}

// A query of NaN is of one head; a key of NaN of all heads of its group.
TEST_P(GroupedAttention, LetsNotANumberThroughToTheHeadsOfItsGroupOnly) {
  AttentionCase c{{.heads = 4, .kv_heads = 2, .head_dim = 8}, 10};
  const Index columns = c.shape.columns();
  c.qkv[static_cast<std::size_t>(3 * columns + 1 * 8)] = NAN;      // query head 1 of token 3
  c.qkv[static_cast<std::size_t>(6 * columns + 4 * 8 + 8)] = NAN;  // key head 1 of token 6
  for (const Precision precision : kPrecisions) {
    const std::vector<float> y = c.run(fast, precision);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t token = i / 32, head = i / 8 % 4;
      ASSERT_EQ(std::isnan(y[i]), head >= 2 || (head == 1 && token == 3)) << i;
    }
  }
}

SAPIENS_FOR_EVERY_KERNEL(GroupedAttention);

TEST(AttentionShapes, AreRefusedWhereHeadsCannotShareKeys) {
  const ThreadPool pool(1);
  const KernelTable kernels = select_kernels(CpuFeatures::detect()).table;
  const Ops ops(kernels, pool);
  Rows qkv(ActivationType::F32, 2, 40), y(ActivationType::F32, 2, 20);
  Workspace ws(1 << 20);
  for (const AttentionShape shape : {AttentionShape{5, 2, 4}, AttentionShape{5, 0, 4},
                                     AttentionShape{0, 1, 4}, AttentionShape{5, 1, 0}}) {
    try {
      ops.attention(qkv.view(), shape, y.view(), ws);
      FAIL() << shape.heads << " / " << shape.kv_heads;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    }
  }
}

}  // namespace
}  // namespace sapiens
