#include <cmath>
#include <string>
#include <vector>

#include "kernels/levels.hpp"
#include "support/expect_close.hpp"
#include "support/random_numbers.hpp"

namespace sapiens {
namespace {

// q, k and v of one head inside rows of a wider matrix.
struct Head {
  Index tokens, head_dim;
  std::vector<float> qkv;
  Index gap = 3;

  Index stride() const { return 3 * head_dim + gap; }
};

Head random_head(Index tokens, Index head_dim, float q_deviation = 1) {
  Head head{.tokens = tokens, .head_dim = head_dim, .qkv = {}};
  head.qkv = random_normal(tokens * head.stride(), {.seed = 11});
  for (Index t = 0; t < tokens; ++t) {
    for (Index d = 0; d < head_dim; ++d) {
      head.qkv[static_cast<std::size_t>(t * head.stride() + d)] *= q_deviation;
    }
  }
  return head;
}

std::vector<float> attend(const AttentionKernel& kernel, const Head& head, Index first,
                          Index rows) {
  AlignedBuffer<std::byte> scratch(kernel.scratch_bytes(head.tokens, head.head_dim));
  std::vector<float> y(static_cast<std::size_t>(rows * head.head_dim), -7.0f);
  for (Index row = 0; row < rows; row += kernel.row_block) {
    kernel.run({.q = head.qkv.data() + (first + row) * head.stride(),
                .k = head.qkv.data() + head.head_dim,
                .v = head.qkv.data() + 2 * head.head_dim,
                .y = y.data() + row * head.head_dim,
                .rows = std::min(kernel.row_block, rows - row),
                .tokens = head.tokens,
                .head_dim = head.head_dim,
                .stride = head.stride(),
                .y_stride = head.head_dim,
                .scale = 1 / std::sqrt(static_cast<float>(head.head_dim)),
                .scratch = scratch.data()});
  }
  return y;
}

// A score is off by at most lambda (sqrt(d) + 2) u times its sum of magnitudes (see linear_test);
// with normal q and k that sum is below 4 deviation sqrt(d). exp turns it into a relative error of
// each weight, y is a weighted mean of v (below 5), and weights and their sum both err. exp, the
// sums over keys and the corrections add rounding of the order sqrt(keys) u.
double tolerance(const Head& head, double q_deviation = 1) {
  constexpr double kLambda = 6, kMostV = 5;
  const double root = std::sqrt(static_cast<double>(head.head_dim));
  const double score = kLambda * (root + 2) * kUnit * 4 * q_deviation * root;
  const double sums = kLambda * (std::sqrt(static_cast<double>(head.tokens)) + 4) * kUnit;
  return kMostV * 2 * (score + sums);
}

class AttentionLevels : public EveryLevel {};

TEST_P(AttentionLevels, AgreesAtEveryHeadDimension) {
  for (const Index head_dim : {1, 8, 15, 16, 17, 32, 33, 48, 60, 64, 80, 96, 128, 144, 260}) {
    SCOPED_TRACE("head_dim " + std::to_string(head_dim));
    const Head head = random_head(300, head_dim);
    EXPECT_TRUE(close(attend(fast.attention, head, 0, 29), attend(reference.attention, head, 0, 29),
                      {.absolute = tolerance(head)}));
  }
}

TEST_P(AttentionLevels, AgreesAroundEveryBlockOfKeys) {
  for (const Index tokens : {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 255, 256, 257, 513, 1025}) {
    SCOPED_TRACE("tokens " + std::to_string(tokens));
    const Head head = random_head(tokens, 64);
    const Index rows = std::min<Index>(tokens, 40);
    EXPECT_TRUE(close(attend(fast.attention, head, 0, rows),
                      attend(reference.attention, head, 0, rows), {.absolute = tolerance(head)}));
  }
}

TEST_P(AttentionLevels, AgreesOnAFullPicture) {
  const Head head = random_head(4097, 64);
  EXPECT_TRUE(close(attend(fast.attention, head, 4000, 97),
                    attend(reference.attention, head, 4000, 97), {.absolute = tolerance(head)}));
}

// Scores with a deviation of 30: one key takes nearly all the weight, and the maximum jumps from
// block to block.
TEST_P(AttentionLevels, AgreesWhenScoresAreHuge) {
  const Head head = random_head(1000, 64, 30);
  EXPECT_TRUE(close(attend(fast.attention, head, 0, 50), attend(reference.attention, head, 0, 50),
                    {.absolute = tolerance(head, 30)}));
}

// 2^s would overflow or vanish without the shift by the maximum.
TEST_P(AttentionLevels, SurvivesScoresOfTenThousand) {
  for (const float score : {1e4f, -1e4f}) {
    Head head = random_head(520, 16);
    for (Index t = 0; t < head.tokens; ++t) {
      float* const row = head.qkv.data() + t * head.stride();
      for (int d = 0; d < 16; ++d) {
        row[d] = 1;
        row[16 + d] = score / 4;  // every score is 16 * score / 4 / sqrt(16)
      }
    }
    // All weights are equal: y is the mean of v. Equal scores leave only the sums' rounding.
    EXPECT_TRUE(close(attend(fast.attention, head, 0, 3), attend(reference.attention, head, 0, 3),
                      {.absolute = 1e-5}));
  }
}

TEST_P(AttentionLevels, GivesAQueryTheSameBitsInAnyCompany) {
  const Head head = random_head(700, 80);
  const auto together = attend(fast.attention, head, 0, 700);
  for (const Index row : {0, 13, 14, 503, 504, 699}) {
    const auto alone = attend(fast.attention, head, row, 1);
    const auto begin = together.begin() + row * 80;
    EXPECT_EQ(alone, std::vector<float>(begin, begin + 80)) << "row " << row;
  }
}

TEST_P(AttentionLevels, LetsNotANumberThroughToItsOwnRowOnly) {
  Head head = random_head(40, 16);
  head.qkv[static_cast<std::size_t>(5 * head.stride() + 2)] = NAN;  // in the query of row 5
  const auto y = attend(fast.attention, head, 0, 40);
  for (std::size_t i = 0; i < y.size(); ++i) ASSERT_EQ(std::isnan(y[i]), i / 16 == 5) << i;
}

SAPIENS_FOR_EVERY_LEVEL(AttentionLevels);

}  // namespace
}  // namespace sapiens
