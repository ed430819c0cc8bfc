#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "sapiens/eval.hpp"

namespace sapiens {
namespace {

constexpr double kSigmas[] = {0.1, 0.05};

PredictedPerson found_at(double x0, double y0, double x1, double y1) {
  return {.score = 1, .keypoints = {{x0, y0}, {x1, y1}}};
}

GroundTruthPerson person_at(double x, double y) {
  return {.x = x,
          .y = y,
          .width = 10,
          .height = 20,
          .area = 100,
          .num_keypoints = 2,
          .keypoints = {{x, y, 2}, {x + 10, y + 20, 1}}};
}

TEST(Oks, IsTheMeanOfTheLabelledPointsOwn) {
  GroundTruthPerson person = person_at(0, 0);
  // exp(-d^2 / (2 area (2 sigma)^2)): 9 / (200 * 0.04) and 0.
  EXPECT_NEAR(object_keypoint_similarity(kSigmas, person, found_at(3, 0, 10, 20)),
              (std::exp(-1.125) + 1) / 2, 1e-15);
  person.keypoints[1].visibility = 0;
  EXPECT_NEAR(object_keypoint_similarity(kSigmas, person, found_at(3, 0, 99, 99)), std::exp(-1.125),
              1e-15);
}

TEST(Oks, UnlabelledPersonsUseARegionOfThreeBoxes) {
  GroundTruthPerson person = person_at(0, 0);
  for (GroundTruthKeypoint& point : person.keypoints) point.visibility = 0;
  EXPECT_EQ(object_keypoint_similarity(kSigmas, person, found_at(-10, -20, 20, 40)), 1);
  // The second point is 1 pixel to the right of 20 and 2 below 40: 5 / (200 * 0.01).
  EXPECT_NEAR(object_keypoint_similarity(kSigmas, person, found_at(0, 0, 21, 42)),
              (1 + std::exp(-2.5)) / 2, 1e-15);
}

TEST(Oks, ZeroAreaGivesAFiniteSimilarity) {
  GroundTruthPerson person = person_at(0, 0);
  person.area = 0;
  EXPECT_EQ(object_keypoint_similarity(kSigmas, person, found_at(0, 0, 10, 20)), 1);
  EXPECT_EQ(object_keypoint_similarity(kSigmas, person, found_at(1, 0, 11, 20)), 0);
}

TEST(Oks, SigmasAreThePublishedOnesToTheLastBit) {
  const std::vector<double> sigmas = oks_sigmas(*find_keypoint_set(17));
  ASSERT_EQ(sigmas.size(), 17u);
  EXPECT_EQ(sigmas[0], 0.026);
  EXPECT_EQ(sigmas[11], 0.107);
}

TEST(Oks, SigmasAreMissingTogether) {
  const KeypointInfo points[] = {{.name = "a", .sigma = 0.1f}, {.name = "b"}};
  EXPECT_TRUE(oks_sigmas({.keypoints = points}).empty());
}

TEST(PairPersons, TakesTheMostSimilarFirst) {
  const GroundTruthPerson persons[] = {person_at(0, 0), person_at(4, 0)};
  // The first resembles both persons, and the second one more than any other prediction does.
  const PredictedPerson found[] = {found_at(3, 0, 13, 20), found_at(1, 0, 11, 20)};
  const auto partner = match_persons(kSigmas, persons, found);
  EXPECT_EQ(partner[0], 1u);
  EXPECT_EQ(partner[1], 0u);
}

TEST(PairPersons, LeavesOutCrowdsAndWhoIsNotFound) {
  GroundTruthPerson crowd = person_at(0, 0), unlabelled = person_at(0, 0);
  crowd.crowd = true;
  unlabelled.num_keypoints = 0;
  const GroundTruthPerson persons[] = {crowd, unlabelled, person_at(0, 0), person_at(5000, 0)};
  const PredictedPerson found[] = {found_at(0, 0, 10, 20)};
  const auto partner = match_persons(kSigmas, persons, found);
  EXPECT_FALSE(partner[0] || partner[1] || partner[3]);
  EXPECT_EQ(partner[2], 0u);
}

TEST(PairPersons, ComparesAllPersonsOfACrowdOfFiveHundred) {
  EXPECT_EQ(max_matched_predictions(500, 500), 500u);
  EXPECT_EQ(max_matched_predictions(1, 100'000), 100'000u);
  EXPECT_EQ(max_matched_predictions(0, 7), 7u);
  EXPECT_EQ(max_matched_predictions(6000, 6000), 41u);
  EXPECT_EQ(max_matched_predictions(1'000'000, 6000), 20u);
  EXPECT_EQ(max_matched_predictions(1'000'000, 3), 3u);
}

TEST(PairPersons, TakesTheBestScoresOfALargerCrowd) {
  const std::vector<GroundTruthPerson> persons(25'000, person_at(0, 0));
  std::vector<PredictedPerson> found(30, found_at(0, 0, 10, 20));
  for (std::size_t f = 0; f < found.size(); ++f) found[f].score = static_cast<double>(f);
  const auto partner = match_persons(kSigmas, persons, found);
  EXPECT_EQ(std::ranges::count_if(partner, [](const auto& p) { return p.has_value(); }), 20);
  EXPECT_EQ(partner[0], 10u);  // the best twenty, in their order
  EXPECT_EQ(partner[19], 29u);
  EXPECT_FALSE(partner[20]);
}

}  // namespace
}  // namespace sapiens
