#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "core/half.hpp"
#include "core/thread_pool.hpp"
#include "kernels/levels.hpp"
#include "support/expect_close.hpp"
#include "support/random_numbers.hpp"

// Attention by tiles against the reference. Without AMX the emulator runs it.
namespace sapiens {
namespace {

// q, k and v of one head in bf16, inside rows of a wider matrix.
struct Bf16Head {
  Index tokens, head_dim;
  std::vector<std::uint16_t> qkv;
  static constexpr Index kGap = 3;

  Index stride() const { return 3 * head_dim + kGap; }
  // Number `d` of the query (part 0), key (1) or value (2) of a token.
  std::uint16_t& at(Index token, Index part, Index d) {
    return qkv[static_cast<std::size_t>(token * stride() + part * head_dim + d)];
  }
};

Bf16Head random_head(Index tokens, Index head_dim, float q_deviation = 1) {
  Bf16Head head{.tokens = tokens, .head_dim = head_dim, .qkv = {}};
  for (const float x : random_normal(tokens * head.stride(), {.seed = 11})) {
    head.qkv.push_back(bfloat16_bits(x));
  }
  for (Index t = 0; t < tokens; ++t) {
    for (Index d = 0; d < head_dim; ++d) {
      std::uint16_t& q = head.at(t, 0, d);
      q = bfloat16_bits(q_deviation * bfloat16_to_float(q));
    }
  }
  return head;
}

template <class Value>
AttentionArgs arguments(const std::vector<Value>& qkv, const Bf16Head& head, ActivationType type,
                        Index first, Index rows, std::vector<Value>& y,
                        AlignedBuffer<std::byte>& scratch) {
  y.assign(static_cast<std::size_t>(rows * head.head_dim), Value{});
  return {.q = qkv.data() + first * head.stride(),
          .k = qkv.data() + head.head_dim,
          .v = qkv.data() + 2 * head.head_dim,
          .y = y.data(),
          .type = type,
          .rows = rows,
          .tokens = head.tokens,
          .head_dim = head.head_dim,
          .stride = head.stride(),
          .y_stride = head.head_dim,
          .scale = 1 / std::sqrt(static_cast<float>(head.head_dim)),
          .scratch = scratch.data()};
}

class AmxAttention : public testing::Test {
 protected:
  void SetUp() override {
    if (!tested_cpu().amx) GTEST_SKIP() << "neither AMX nor the vectors to emulate it";
    fast = select_kernels(tested_cpu(), "amx").table.attention_bf16;
    reference = select_kernels(tested_cpu(), "reference").table.attention;
  }

  std::vector<float> attend(const Bf16Head& head, Index first, Index rows) const {
    AlignedBuffer<std::byte> scratch(fast.scratch_bytes(head.tokens, head.head_dim));
    std::vector<std::uint16_t> y;
    fast.run(arguments(head.qkv, head, ActivationType::Bf16, first, rows, y, scratch));
    std::vector<float> result;
    for (const std::uint16_t bits : y) result.push_back(bfloat16_to_float(bits));
    return result;
  }

  std::vector<float> expected(const Bf16Head& head, Index first, Index rows,
                              bool squared_values = false) const {
    std::vector<float> qkv;
    for (std::size_t i = 0; i < head.qkv.size(); ++i) {
      const float x = bfloat16_to_float(head.qkv[i]);
      const bool is_value = static_cast<Index>(i) % head.stride() >= 2 * head.head_dim;
      qkv.push_back(squared_values && is_value ? x * x : x);
    }
    AlignedBuffer<std::byte> scratch(reference.scratch_bytes(head.tokens, head.head_dim));
    std::vector<float> y;
    reference.run(arguments(qkv, head, ActivationType::F32, first, rows, y, scratch));
    return y;
  }

  // Every weight p has a relative error e of at most 0.67 % (attention.hpp), and 1 % of that for
  // the rest of its arithmetic, and of what scores are off by (attention_test). The sum of weights
  // has the same errors, so y is off by sum p e (v - y), at most max e times the deviation of v
  // under the weights p. y itself is rounded to bf16.
  void expect_agreement(const Bf16Head& head, Index first, Index rows,
                        double q_deviation = 1) const {
    const auto y = expected(head, first, rows), squares = expected(head, first, rows, true);
    const double root = std::sqrt(static_cast<double>(head.head_dim));
    const double score = 6 * (root + 2) * kUnit * 4 * q_deviation * root;
    std::vector<double> each;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double variance = double{squares[i]} - double{y[i]} * double{y[i]};
      const double deviation = std::sqrt(std::max(variance, 0.0)) + 1e-6;
      each.push_back((0.0068 + score) * deviation + 0x1p-8 * std::abs(double{y[i]}) + 1e-6);
    }
    EXPECT_TRUE(close(attend(head, first, rows), y, {.each = each}));
  }

  AttentionKernel fast, reference;
};

TEST_F(AmxAttention, AgreesAtEveryHeadDimension) {
  for (const Index head_dim : {1, 8, 15, 16, 17, 32, 33, 48, 60, 64, 80, 96, 128, 144, 260}) {
    SCOPED_TRACE("head_dim " + std::to_string(head_dim));
    expect_agreement(random_head(300, head_dim), 0, 45);
  }
}

// A unit has 32 keys, a chunk 128.
TEST_F(AmxAttention, AgreesAroundEveryUnitAndChunkOfKeys) {
  for (const Index tokens : {1,  2,   15,  16,  17,  31,  32,  33,  63,  64,  65,
                             97, 127, 128, 129, 160, 255, 256, 257, 385, 1025}) {
    SCOPED_TRACE("tokens " + std::to_string(tokens));
    expect_agreement(random_head(tokens, 64), 0, std::min<Index>(tokens, 40));
    expect_agreement(random_head(tokens, 20), 0, std::min<Index>(tokens, 33));
  }
}

TEST_F(AmxAttention, AgreesOnAFullImage) { expect_agreement(random_head(4097, 64), 4060, 37); }

// The first 32 keys give the shift; later scores are up to 50 powers of two above it.
TEST_F(AmxAttention, AgreesWhenScoresAreLarge) {
  expect_agreement(random_head(1000, 64, 10), 0, 50, 10);
}

// Far above the shift: these queries start anew.
TEST_F(AmxAttention, AgreesWhenScoresExceedTheShiftByFar) {
  Bf16Head head = random_head(300, 32);
  for (Index d = 0; d < 32; ++d) {
    head.at(3, 0, d) = bfloat16_bits(8);
    head.at(200, 1, d) = bfloat16_bits(8);  // score 32 * 64 / sqrt(32)
  }
  expect_agreement(head, 0, 40);
}

TEST_F(AmxAttention, SurvivesScoresOfTenThousand) {
  for (const float score : {1e4f, -1e4f}) {
    Bf16Head head = random_head(520, 16);
    for (Index t = 0; t < head.tokens; ++t) {
      for (Index d = 0; d < 16; ++d) {
        head.at(t, 0, d) = bfloat16_bits(1);
        head.at(t, 1, d) = bfloat16_bits(score / 4);
      }
    }
    expect_agreement(head, 0, 3);
  }
}

TEST_F(AmxAttention, GivesAQueryTheSameBitsAmongAnyOthers) {
  for (const Index head_dim : {64, 80}) {
    const Bf16Head head = random_head(200, head_dim, 8);
    const auto together = attend(head, 0, 200);
    for (const Index row : {0, 13, 31, 32, 199}) {
      const auto begin = together.begin() + row * head_dim;
      EXPECT_EQ(attend(head, row, 1), std::vector<float>(begin, begin + head_dim)) << row;
    }
  }
}

TEST_F(AmxAttention, GivesTheSameBitsInEveryThread) {
  const Bf16Head head = random_head(150, 64);
  const auto whole = attend(head, 0, 150);
  std::vector<std::vector<float>> results(6);
  ThreadPool(4).parallel_tasks(
      6, [&](Index task, int) { results[static_cast<std::size_t>(task)] = attend(head, 0, 150); });
  for (const auto& result : results) EXPECT_EQ(result, whole);
  EXPECT_FALSE(tile_emulator::configured());
}

TEST_F(AmxAttention, LeavesWhatLiesBetweenTheRows) {
  const Bf16Head head = random_head(40, 20);
  AlignedBuffer<std::byte> scratch(fast.scratch_bytes(40, 20));
  std::vector<std::uint16_t> y;
  AttentionArgs args = arguments(head.qkv, head, ActivationType::Bf16, 0, 40, y, scratch);
  y.assign(40 * 25, 7);
  args.y = y.data();
  args.y_stride = 25;
  fast.run(args);
  for (std::size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i] == 7, i % 25 >= 20) << i;
}

TEST_F(AmxAttention, LetsNotANumberInAQueryThroughToItsOwnRowOnly) {
  Bf16Head head = random_head(40, 16);
  head.at(5, 0, 2) = bfloat16_bits(NAN);
  const auto y = attend(head, 0, 40);
  for (std::size_t i = 0; i < y.size(); ++i) ASSERT_EQ(std::isnan(y[i]), i / 16 == 5) << i;
}

// A key of NaN spoils every row, a value of NaN or infinity its own column; keys of -infinity are
// left out and infinite ones give NaN: as exp(inf - inf) does in the plain formula.
TEST_F(AmxAttention, LetsNanAndInfinityThroughAsThePlainFormula) {
  constexpr Index kPart[] = {1, 1, 2, 2, 0};
  constexpr float kNumber[] = {NAN, INFINITY, NAN, -INFINITY, INFINITY};
  for (int i = 0; i < 5; ++i) {
    Bf16Head head = random_head(70, 16);
    head.at(33, kPart[i], 3) = bfloat16_bits(kNumber[i]);
    const auto want = expected(head, 0, 70);
    EXPECT_TRUE(close(attend(head, 0, 70), want, {.absolute = 0.02, .relative = 0x1p-7})) << i;
  }
}

// Where scores might overflow among the tiles, fp32 takes over.
TEST_F(AmxAttention, TakesNumbersBeyondTheRangeOfTheTiles) {
  Bf16Head head = random_head(50, 16);
  for (Index d = 0; d < 16; ++d) head.at(4, 0, d) = bfloat16_bits(1e36f);
  expect_agreement(head, 0, 50);
}

}  // namespace
}  // namespace sapiens
