#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "core/half.hpp"
#include "kernels/levels.hpp"
#include "support/expect_close.hpp"
#include "support/random_numbers.hpp"

namespace sapiens {
namespace {

// q, k and v of one head inside rows of a wider matrix, all of them numbers that bf16 can hold: so
// every kernel sees the same numbers in either type.
struct Head {
  Index tokens, head_dim;
  std::vector<float> qkv = {};
  Index gap = 3;

  Index stride() const { return 3 * head_dim + gap; }
  float* q(Index t) { return qkv.data() + t * stride(); }
  float* k(Index t) { return q(t) + head_dim; }
  float* v(Index t) { return k(t) + head_dim; }
};

float to_bf16(float x) { return bfloat16_to_float(bfloat16_bits(x)); }

Head random_head(Index tokens, Index head_dim, float q_deviation = 1) {
  Head head{.tokens = tokens, .head_dim = head_dim};
  head.qkv = random_normal(tokens * head.stride(), {.seed = 11});
  for (float& x : head.qkv) x = to_bf16(x);
  for (Index t = 0; t < tokens; ++t) {
    for (Index d = 0; d < head_dim; ++d) head.q(t)[d] = to_bf16(head.q(t)[d] * q_deviation);
  }
  return head;
}

float scale_of(const Head& head) { return 1 / std::sqrt(static_cast<float>(head.head_dim)); }

std::vector<float> attend(const AttentionKernel& kernel, ActivationType type, const Head& head,
                          Index first, Index rows, Index key_block = AttentionArgs().key_block) {
  AlignedBuffer<std::byte> scratch(kernel.scratch_bytes(head.tokens, head.head_dim));
  std::vector<std::uint16_t> halves(head.qkv.size());
  std::transform(head.qkv.begin(), head.qkv.end(), halves.begin(), bfloat16_bits);
  const auto count = static_cast<std::size_t>(rows * head.head_dim);
  std::vector<float> y(count, -7.0f);
  std::vector<std::uint16_t> y_halves(count, 0xc0e0);
  const auto from = [&](Index i) -> const void* {
    return type == ActivationType::F32
               ? static_cast<const void*>(&head.qkv[static_cast<std::size_t>(i)])
               : &halves[static_cast<std::size_t>(i)];
  };
  for (Index row = 0; row < rows; row += kernel.row_block) {
    kernel.run({.q = from((first + row) * head.stride()),
                .k = from(head.head_dim),
                .v = from(2 * head.head_dim),
                .y = type == ActivationType::F32
                         ? static_cast<void*>(y.data() + row * head.head_dim)
                         : y_halves.data() + row * head.head_dim,
                .type = type,
                .rows = std::min(kernel.row_block, rows - row),
                .tokens = head.tokens,
                .head_dim = head.head_dim,
                .stride = head.stride(),
                .y_stride = head.head_dim,
                .key_block = key_block,
                .scale = scale_of(head),
                .scratch = scratch.data()});
  }
  if (type == ActivationType::Bf16)
    std::transform(y_halves.begin(), y_halves.end(), y.begin(), bfloat16_to_float);
  return y;
}

// A score is off by at most lambda (sqrt(d) + 2) u times its sum of magnitudes (see linear_test);
// with normal q and k that sum is below 4 deviation sqrt(d). exp turns it into a relative error of
// each weight, y is a weighted mean of v (below 5), and weights and their sum both err. exp, the
// sums over keys and the corrections add rounding of the order sqrt(keys) u.
double fp32_error(const Head& head, double q_deviation) {
  constexpr double kLambda = 6, kMaxV = 5;
  const double root = std::sqrt(static_cast<double>(head.head_dim));
  const double score = kLambda * (root + 2) * kUnit * 4 * q_deviation * root;
  const double sums = kLambda * (std::sqrt(static_cast<double>(head.tokens)) + 4) * kUnit;
  return kMaxV * 2 * (score + sums);
}

// sqrt(sum w^2) of the weights w of a row: 1 if one key has all the weight, 1 / sqrt(N) if all of N
// have the same.
double concentration(Head head, Index row) {
  double total = 0, squares = 0, highest = -HUGE_VAL;
  std::vector<double> scores;
  for (Index t = 0; t < head.tokens; ++t) {
    double dot = 0;
    for (Index d = 0; d < head.head_dim; ++d) dot += double{head.q(row)[d]} * head.k(t)[d];
    highest = std::max(highest, scores.emplace_back(dot * scale_of(head)));
  }
  for (const double score : scores) {
    const double w = std::exp(score - highest);
    total += w;
    squares += w * w;
  }
  return std::sqrt(squares) / total;
}

// bf16 keeps 8 bits: rounding is off by at most 2^-8 of a number.
constexpr double kBf16Unit = 0x1p-8;

enum class Way { F32, F32OfBf16, Bf16 };

class AttentionLevels : public EveryLevel {
 protected:
  std::vector<float> run(Way way, const Head& head, Index first, Index rows,
                         Index key_block = AttentionArgs().key_block) const {
    return attend(way == Way::Bf16 ? fast.attention_bf16 : fast.attention,
                  way == Way::F32 ? ActivationType::F32 : ActivationType::Bf16, head, first, rows,
                  key_block);
  }

  std::vector<float> expected(const Head& head, Index first, Index rows) const {
    return attend(reference.attention, ActivationType::F32, head, first, rows);
  }

  // With bf16 products, q k^T keeps exact products and fp32 sums, but each weight p_i is off by a
  // relative e_i of at most kBf16Unit and the 7.5e-5 of its exponential. The sum of the weights has
  // the same errors, so y is off by sum w_i e_i (v_i - y): like a random walk, below 4 deviations
  // of kBf16Unit sqrt(sum w^2) |v - y| with |v - y| about 3.
  void expect_agreement(const Head& head, Index first, Index rows, double q_deviation = 1) const {
    const std::vector<float> want = expected(head, first, rows);
    for (const Way way : {Way::F32, Way::F32OfBf16, Way::Bf16}) {
      SCOPED_TRACE("way " + std::to_string(static_cast<int>(way)));
      Tolerance tolerance{.absolute = fp32_error(head, q_deviation),
                          .relative = way == Way::F32 ? 0 : kBf16Unit};
      std::vector<double> each;
      for (Index row = first; way == Way::Bf16 && row < first + rows; ++row) {
        const double error = 4 * 3 * kBf16Unit * concentration(head, row);
        each.insert(each.end(), static_cast<std::size_t>(head.head_dim), error);
      }
      tolerance.each = each;
      EXPECT_TRUE(close(run(way, head, first, rows), want, tolerance));
    }
  }

  void for_every_way(const std::function<void(Way)>& check) const {
    for (const Way way : {Way::F32, Way::F32OfBf16, Way::Bf16}) {
      SCOPED_TRACE("way " + std::to_string(static_cast<int>(way)));
      check(way);
    }
  }
};

TEST_P(AttentionLevels, AgreesAtEveryHeadDimension) {
  for (const Index head_dim :
       {1, 7, 8, 15, 16, 17, 31, 32, 33, 48, 60, 64, 80, 96, 128, 144, 200}) {
    SCOPED_TRACE("head_dim " + std::to_string(head_dim));
    expect_agreement(random_head(300, head_dim), 0, 29);
  }
}

TEST_P(AttentionLevels, AgreesAroundEveryBlockOfKeys) {
  for (const Index tokens :
       {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 255, 256, 257, 511, 513, 1025}) {
    SCOPED_TRACE("tokens " + std::to_string(tokens));
    expect_agreement(random_head(tokens, 64), 0, std::min<Index>(tokens, 16));
  }
}

TEST_P(AttentionLevels, AgreesOnAFullImage) { expect_agreement(random_head(4097, 64), 4080, 17); }

// Scores with a deviation of 30: one key takes nearly all the weight, and the maximum jumps from
// block to block.
TEST_P(AttentionLevels, AgreesWhenScoresAreHuge) {
  expect_agreement(random_head(1000, 64, 30), 0, 30, 30);
}

// From key to key the scores of row r change by `step`, so the maximum has to follow all the way,
// or never again.
TEST_P(AttentionLevels, FollowsRisingAndFallingScores) {
  for (const float step : {0.5f, -0.5f, 4.0f, -4.0f}) {
    SCOPED_TRACE("step " + std::to_string(step));
    Head head = random_head(600, 16);
    for (Index t = 0; t < head.tokens; ++t) {
      for (Index d = 0; d < 16; ++d) head.q(t)[d] = 0;
      head.q(t)[0] = 4;  // times a scale of 1/4
      head.k(t)[0] = to_bf16(step * static_cast<float>(t));
    }
    // Scores of up to 2400 with 24 bits: 2400 u each, in place of the 16 that fp32_error assumes.
    expect_agreement(head, 0, 20, 150);
  }
}

// 2^s would overflow or vanish without the shift by the maximum.
TEST_P(AttentionLevels, SurvivesScoresOfTenThousand) {
  for (const float score : {9984.0f, -9984.0f}) {
    Head head = random_head(520, 16);
    for (Index t = 0; t < head.tokens; ++t) {
      std::fill_n(head.q(t), 16, 1.0f);
      std::fill_n(head.k(t), 16, score / 4);  // every score is 16 * score / 4 / sqrt(16)
    }
    // All weights are equal: y is the mean of v, and only the sums and y itself are rounded. But m
    // is subtracted from scores that are rounded already where a panel of 32 keys sets it, so that
    // their weights may become the neighbours in bf16.
    for_every_way([&](Way way) {
      EXPECT_TRUE(close(run(way, head, 0, 3), expected(head, 0, 3),
                        {.absolute = way == Way::Bf16 ? kBf16Unit * 32 / 520 : 1e-5,
                         .relative = way == Way::F32 ? 0 : kBf16Unit}));
    });
  }
}

TEST_P(AttentionLevels, GivesAQueryTheSameBitsAmongAnyOthers) {
  const Head head = random_head(520, 80, 3);
  for_every_way([&](Way way) {
    const auto together = run(way, head, 0, 520);
    for (const auto& [row, count] : {std::pair{0, 1}, {13, 1}, {14, 2}, {5, 37}, {519, 1}}) {
      const auto apart = run(way, head, row, count);
      const auto begin = together.begin() + row * 80;
      EXPECT_EQ(apart, std::vector<float>(begin, begin + count * 80)) << "row " << row;
    }
  });
}

TEST_P(AttentionLevels, GivesTheSameBitsInBlocksOfAnyNumberOfKeys) {
  for (const float deviation : {1.0f, 30.0f}) {
    const Head head = random_head(520, 80, deviation);
    for_every_way([&](Way way) {
      const auto whole = run(way, head, 0, 100);
      for (const Index keys : {32, 64, 160}) {
        EXPECT_EQ(run(way, head, 0, 100, keys), whole) << keys << " keys";
      }
    });
  }
}

TEST_P(AttentionLevels, PacksAsManyKeysAsFitTheCache) {
  for (const AttentionKernel& kernel : {fast.attention, fast.attention_bf16}) {
    if (kernel.key_block == nullptr) continue;
    for (const Index head_dim : {16, 64, 80, 128}) {
      EXPECT_EQ(kernel.key_block(head_dim, 1 << 26), AttentionArgs().key_block);
      Index before = 16;
      for (Index l2 = 1 << 14; l2 <= 1 << 21; l2 *= 2) {
        const Index keys = kernel.key_block(head_dim, l2);
        EXPECT_EQ(keys % 16, 0);
        EXPECT_GE(keys, before);
        // Two blocks of k and v, whose numbers take 2 bytes or 4.
        if (keys > 32) {
          EXPECT_LE(2 * keys * 2 * head_dim * 2, l2 / 2);
        }
        before = keys;
      }
    }
  }
}

TEST_P(AttentionLevels, LetsNotANumberInAQueryThroughToItsOwnRowOnly) {
  Head head = random_head(40, 16);
  head.q(5)[2] = NAN;
  for_every_way([&](Way way) {
    const auto y = run(way, head, 0, 40);
    for (std::size_t i = 0; i < y.size(); ++i) ASSERT_EQ(std::isnan(y[i]), i / 16 == 5) << i;
  });
}

TEST_P(AttentionLevels, LetsNotANumberInAKeyThroughToEveryRow) {
  Head head = random_head(300, 16);
  head.k(299)[2] = NAN;
  for_every_way([&](Way way) {
    for (const float y : run(way, head, 0, 20)) ASSERT_TRUE(std::isnan(y));
  });
}

TEST_P(AttentionLevels, LetsNotANumberInAValueThroughToItsOwnColumnOnly) {
  Head head = random_head(300, 16);
  head.v(298)[2] = NAN;
  for_every_way([&](Way way) {
    const auto y = run(way, head, 0, 20);
    for (std::size_t i = 0; i < y.size(); ++i) ASSERT_EQ(std::isnan(y[i]), i % 16 == 2) << i;
  });
}

// A key with -inf among its numbers has no weight for one half of the queries, and makes NaN of the
// other half, for which its score is +inf. Infinite values are infinite results.
TEST_P(AttentionLevels, TreatsInfinitiesAsTheFormulaDoes) {
  Head head = random_head(300, 16);
  head.k(5)[2] = -INFINITY;
  head.v(200)[3] = INFINITY;
  expect_agreement(head, 0, 40);
}

TEST_P(AttentionLevels, GivesNotANumberWhereNoKeyHasAnyWeight) {
  Head head = random_head(300, 16);
  for (Index t = 0; t < head.tokens; ++t) {
    head.q(t)[2] = 1;
    head.k(t)[2] = -INFINITY;
  }
  for_every_way([&](Way way) {
    for (const float y : run(way, head, 0, 20)) ASSERT_TRUE(std::isnan(y));
  });
}

// The first 256 keys have no weight; the others have scores far below 0.
TEST_P(AttentionLevels, WaitsForTheFirstKeyWithAnyWeight) {
  Head head = random_head(300, 16);
  for (Index t = 0; t < head.tokens; ++t) {
    head.q(t)[2] = 1;
    head.k(t)[2] = t < 256 ? -INFINITY : -4096;
  }
  expect_agreement(head, 0, 20, 300);  // scores of -1024, see above
}

// fp32 arithmetic keeps denormal values; bf16 products take them for 0.
TEST_P(AttentionLevels, LosesNoMoreThanDenormals) {
  Head head = random_head(300, 16);
  for (Index t = 0; t < head.tokens; ++t) {
    for (Index d = 0; d < 16; ++d) head.v(t)[d] = to_bf16(head.v(t)[d] * 0x1p-130f);
  }
  const auto want = expected(head, 0, 20);
  EXPECT_TRUE(close(run(Way::F32, head, 0, 20), want, {.absolute = 300 * 0x1p-150}));
  EXPECT_TRUE(close(run(Way::Bf16, head, 0, 20), want, {.absolute = 5 * 0x1p-130}));
}

SAPIENS_FOR_EVERY_LEVEL(AttentionLevels);

}  // namespace
}  // namespace sapiens
