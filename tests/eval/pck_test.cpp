#include <gtest/gtest.h>

#include "sapiens/error.hpp"
#include "sapiens/eval.hpp"
#include "support/error_code_of.hpp"

namespace sapiens {
namespace {

// The longer side is 40 pixels, so points may be 4 away.
const GroundTruthPerson kPerson = {.width = 20,
                                   .height = 40,
                                   .num_keypoints = 3,
                                   .keypoints = {{0, 0, 2}, {10, 10, 2}, {20, 20, 1}, {0, 0, 0}}};

TEST(Pck, CountsVisiblePointsThatAreNear) {
  PckEvaluator evaluator(4);
  const PredictedPerson found{.score = 1, .keypoints = {{0, 4}, {10, 14.01}, {20, 20}, {0, 0}}};
  evaluator.add(kPerson, &found);
  const PckScores scores = evaluator.result();
  EXPECT_EQ(scores.mean, 0.5);
  EXPECT_EQ(scores.points[0].correct, 1);
  EXPECT_EQ(scores.points[1].correct, 0);
  EXPECT_EQ(scores.points[1].visible, 1);
  EXPECT_EQ(scores.points[2].visible, 0);
  EXPECT_EQ(scores.points[3].visible, 0);
}

TEST(Pck, UndetectedPersonsScoreZero) {
  PckEvaluator evaluator(4);
  evaluator.add(kPerson, nullptr);
  EXPECT_EQ(evaluator.result().mean, 0);
  EXPECT_EQ(evaluator.result().persons, 1);
  EXPECT_EQ(evaluator.result().not_found, 1);
}

TEST(Pck, IsNotKnownWithoutVisiblePoints) {
  PckEvaluator evaluator(1);
  evaluator.add({.width = 1, .height = 1, .keypoints = {{0, 0, 1}}}, nullptr);
  EXPECT_FALSE(evaluator.result().mean);
  EXPECT_EQ(evaluator.result().persons, 0);
}

TEST(Pck, RefusesOtherNumbersOfPoints) {
  EXPECT_EQ(error_code_of([] { PckEvaluator(0); }), ErrorCode::InvalidArgument);
  EXPECT_EQ(error_code_of([] { PckEvaluator(1, 0); }), ErrorCode::InvalidArgument);
  EXPECT_EQ(error_code_of([] { PckEvaluator(3).add(kPerson, nullptr); }),
            ErrorCode::InvalidArgument);
  const PredictedPerson found{.keypoints = {{0, 0}}};
  EXPECT_EQ(error_code_of([&] { PckEvaluator(4).add(kPerson, &found); }),
            ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace sapiens
