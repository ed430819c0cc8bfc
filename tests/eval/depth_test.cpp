#include <gtest/gtest.h>

#include <cmath>

#include "sapiens/error.hpp"
#include "sapiens/eval.hpp"
#include "support/error_code_of.hpp"
#include "support/nan.hpp"

namespace sapiens {
namespace {

using Floats = std::vector<float>;
using Mask = std::vector<std::uint8_t>;

TEST(Depth, ScaleAndShiftDoNotAffectTheScore) {
  DepthEvaluator evaluator;
  // truth = 2 + 3 found; what is not under the mask may be anything.
  ASSERT_TRUE(evaluator.add(Floats{0, 0.5, 1, kNan}, Floats{2, 3.5, 5, 1}, Mask{1, 1, 9, 0}));
  const DepthScores scores = evaluator.result();
  EXPECT_NEAR(*scores.rmse, 0, 1e-12);
  EXPECT_NEAR(*scores.absrel, 0, 1e-12);
  for (const auto& delta : scores.delta) EXPECT_EQ(delta, 1);
  EXPECT_EQ(scores.pixels, 3);
}

TEST(Depth, ScoresWhatTheBestLineLeaves) {
  DepthEvaluator evaluator;
  // Through (0, 1), (0, 3), (1, 4), (1, 4) the best line is 2 + 2 x: off by 1, 1, 0, 0.
  ASSERT_TRUE(evaluator.add(Floats{0, 0, 1, 1}, Floats{1, 3, 4, 4}, Mask(4, 1)));
  const DepthScores scores = evaluator.result();
  EXPECT_NEAR(*scores.rmse, std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(*scores.absrel, (1 + 1.0 / 3) / 4, 1e-12);
  EXPECT_NEAR(*scores.unexplained, 2.0 / 6, 1e-12);  // 1, 3, 4, 4 around 3
  EXPECT_EQ(scores.delta[0], 0.5);                   // ratios are 2, 1.5, 1, 1
  EXPECT_EQ(scores.delta[1], 0.75);                  // below 1.5625
  EXPECT_EQ(scores.delta[2], 0.75);                  // below 1.953
}

TEST(Depth, CountsEveryImageTheSame) {
  DepthEvaluator evaluator;
  ASSERT_TRUE(evaluator.add(Floats{0, 0, 1, 1}, Floats{1, 3, 4, 4}, Mask(4, 1)));
  ASSERT_TRUE(evaluator.add(Floats(100, 1), Floats(100, 7), Mask(100, 1)));
  EXPECT_NEAR(*evaluator.result().rmse, std::sqrt(0.5) / 2, 1e-12);
  EXPECT_EQ(evaluator.result().delta[0], 0.75);
  EXPECT_EQ(evaluator.result().images, 2);
}

TEST(Depth, UpsideDownIsNotTurnedByTheAlignment) {
  DepthEvaluator evaluator;
  ASSERT_TRUE(evaluator.add(Floats{1, 0.5, 0}, Floats{1, 2, 3}, Mask(3, 1)));
  EXPECT_NEAR(*evaluator.result().rmse, std::sqrt(2.0 / 3), 1e-12);  // the depth is 2 everywhere
}

TEST(Depth, ConstantDepthExplainsNothing) {
  DepthEvaluator evaluator;
  ASSERT_TRUE(evaluator.add(Floats(4, 0.5f), Floats{3, 3.1f, 3.2f, 3.3f}, Mask(4, 1)));
  EXPECT_EQ(evaluator.result().delta[0], 1);
  EXPECT_NEAR(*evaluator.result().unexplained, 1, 1e-12);
}

TEST(Depth, AlignedDepthBelowZeroIsWrong) {
  DepthEvaluator evaluator;
  // The best line through (0, 0.01) four times, (0.3, 0.01) and (10, 10) is below 0 at x = 0:
  // sums x 10.3, y 10.05, xx 100.09, xy 100.003 of n = 6 give slope 1.0027, shift -0.046.
  ASSERT_TRUE(evaluator.add(Floats{0, 0, 0, 0, 0.3f, 10},
                            Floats{0.01f, 0.01f, 0.01f, 0.01f, 0.01f, 10}, Mask(6, 1)));
  for (const auto& delta : evaluator.result().delta) EXPECT_NEAR(*delta, 1.0 / 6, 1e-12);
}

TEST(Depth, NeedsTwoPixelsThatCount) {
  DepthEvaluator evaluator;
  EXPECT_FALSE(evaluator.add(Floats{1, 1, 1, 1}, Floats{2, 0, kNan, -1}, Mask(4, 1)));
  EXPECT_FALSE(evaluator.add(Floats{}, Floats{}, Mask{}));
  EXPECT_FALSE(evaluator.result().rmse);
  EXPECT_FALSE(evaluator.result().delta[0]);
}

TEST(Depth, RefusesDifferentSizesAndNonFiniteValues) {
  DepthEvaluator evaluator;
  EXPECT_EQ(error_code_of([&] {
              evaluator.add(Floats{1}, Floats{1, 2}, Mask{1});
            }),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(error_code_of([&] {
              evaluator.add(Floats{1, 2}, Floats{1, 2}, Mask{1});
            }),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(error_code_of([&] {
              evaluator.add(Floats{1, kNan}, Floats{1, 2}, Mask{1, 1});
            }),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(evaluator.result().images, 0);
}

}  // namespace
}  // namespace sapiens
