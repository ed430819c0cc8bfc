#include <gtest/gtest.h>

#include <cmath>

#include "eval/coco_files.hpp"
#include "sapiens/error.hpp"
#include "support/error_code_of.hpp"

namespace sapiens {
namespace {

std::vector<double> ten_numbers(const KeypointScores& scores) {
  std::vector<double> numbers;
  for (const auto& number :
       {scores.ap, scores.ap50, scores.ap75, scores.ap_medium, scores.ap_large, scores.ar,
        scores.ar50, scores.ar75, scores.ar_medium, scores.ar_large}) {
    numbers.push_back(number.value_or(-1));
  }
  return numbers;
}

KeypointEvaluator coco_evaluator() { return KeypointEvaluator(oks_sigmas(*find_keypoint_set(17))); }

void expect_close(const std::vector<double>& numbers, const std::vector<double>& expected) {
  ASSERT_EQ(numbers.size(), expected.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    // Both are sums of a thousand doubles; 1e-6 is what is promised, 1e-12 what is measured.
    EXPECT_NEAR(numbers[i], expected[i], 1e-12) << i;
  }
}

class KeypointsOfCoco : public testing::TestWithParam<std::string> {};

TEST_P(KeypointsOfCoco, ScoreAsPycocotoolsSays) {
  const CocoCase persons = read_coco_case(GetParam());
  KeypointEvaluator evaluator = coco_evaluator();
  for (const auto& [image, labelled] : persons.labelled) {
    const auto found = persons.found.find(image);
    evaluator.add(image, labelled,
                  found == persons.found.end() ? std::vector<PredictedPerson>{} : found->second);
  }
  expect_close(ten_numbers(evaluator.result()), read_coco_json("expected.json")[GetParam()]);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, KeypointsOfCoco,
                         testing::Values("mixed_1", "mixed_2", "mixed_3", "one_size",
                                         "nothing_found", "all_right"),
                         [](const auto& one) { return one.param; });

TEST(Keypoints, ScoreTheSameInAnyOrderOfImages) {
  CocoCase persons = read_coco_case("mixed_1");
  KeypointEvaluator forward = coco_evaluator(), backward = coco_evaluator();
  for (const auto& [image, labelled] : persons.labelled) {
    forward.add(image, labelled, persons.found[image]);
  }
  for (auto at = persons.labelled.rbegin(); at != persons.labelled.rend(); ++at) {
    backward.add(at->first, at->second, persons.found[at->first]);
  }
  EXPECT_EQ(ten_numbers(forward.result()), ten_numbers(backward.result()));
}

TEST(Keypoints, HaveNoScoreWithoutPersons) {
  KeypointEvaluator evaluator = coco_evaluator();
  EXPECT_EQ(ten_numbers(evaluator.result()), std::vector<double>(10, -1));
  evaluator.add(1, {},
                std::vector{PredictedPerson{.score = 1, .keypoints = {17, PredictedKeypoint{}}}});
  EXPECT_EQ(ten_numbers(evaluator.result()), std::vector<double>(10, -1));
  EXPECT_EQ(evaluator.result().persons, 0);
}

TEST(Keypoints, RefuseWhatCannotBeCompared) {
  EXPECT_EQ(error_code_of([] { KeypointEvaluator(std::vector<double>{}); }),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(error_code_of([] {
              KeypointEvaluator(std::vector<double>{0.1, 0.0});
            }),
            ErrorCode::InvalidArgument);
  KeypointEvaluator evaluator(std::vector<double>{0.1});
  const GroundTruthPerson person{.num_keypoints = 1, .keypoints = {{1, 1, 2}}};
  const PredictedPerson two_points{.score = 1, .keypoints = {{1, 1}, {2, 2}}};
  const PredictedPerson no_score{.score = std::nan(""), .keypoints = {{1, 1}}};
  for (const PredictedPerson& found : {two_points, no_score}) {
    EXPECT_EQ(error_code_of([&] { evaluator.add(1, std::span(&person, 1), std::span(&found, 1)); }),
              ErrorCode::InvalidArgument);
  }
  EXPECT_FALSE(evaluator.result().ap);
}

}  // namespace
}  // namespace sapiens
