#include "tasks/pose.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/expect_close.hpp"
#include "support/random_numbers.hpp"
#include "tasks/golden_maps.hpp"
#include "tasks/keypoint_sets.hpp"

namespace sapiens {
namespace {

// The original rounds blurred maps and logarithms to float32. That moves a well-formed peak by up
// to 1.2e-5 pixels (measured in codec_udp), and the ragged ones of random weights by up to 9.5e-4.
constexpr double kTolerance = 1e-3;

// Positions [K, 2] of the original.
void expect_positions(std::span<const Keypoint> actual, const std::vector<double>& expected) {
  ASSERT_EQ(actual.size() * 2, expected.size());
  for (std::size_t k = 0; k < actual.size(); ++k) {
    EXPECT_NEAR(actual[k].x, expected[2 * k], kTolerance) << "x of keypoint " << k;
    EXPECT_NEAR(actual[k].y, expected[2 * k + 1], kTolerance) << "y of keypoint " << k;
  }
}

std::vector<Keypoint> in_input(const std::vector<InputKeypoint>& points) {
  std::vector<Keypoint> rounded;
  for (const auto& [x, y, score] : points) {
    rounded.push_back({static_cast<float>(x), static_cast<float>(y), score});
  }
  return rounded;
}

TEST(PoseDecode, AgreesWithTheOriginalOnBordersNoiseTiesAndFlatMaps) {
  const Golden golden("codec_udp");
  GoldenMap heatmaps(golden, "heatmaps");
  const ThreadPool pool(2);
  const auto points = decode_heatmaps(heatmaps.output(), {256, 192}, pool);
  auto expected = golden_numbers<double>(golden, "keypoints");
  // Nowhere positive: the original moves its (-1, -1) by neighbours that it reads from other maps.
  expected[2 * 21] = -192.0 / 47;
  expected[2 * 21 + 1] = -256.0 / 63;
  expect_positions(in_input(points), expected);

  std::vector<float> scores;
  for (const InputKeypoint& point : points) scores.push_back(point.score);
  EXPECT_EQ(scores, golden.array("scores").values);
}

TEST(PoseDecode, BitsDoNotDependOnThreads) {
  GoldenMap heatmaps(Golden("codec_udp"), "heatmaps");
  const auto alone = decode_heatmaps(heatmaps.output(), {256, 192}, ThreadPool(1));
  const auto shared = decode_heatmaps(heatmaps.output(), {256, 192}, ThreadPool(3));
  ASSERT_EQ(alone.size(), shared.size());
  for (std::size_t k = 0; k < alone.size(); ++k) {
    EXPECT_EQ(alone[k].x, shared[k].x);
    EXPECT_EQ(alone[k].y, shared[k].y);
  }
}

class TaskPose : public testing::Test {
 protected:
  Golden golden{"task_pose"};
  ThreadPool pool{2};
  GoldenMap heatmaps{golden, "head"};
  Grid input = {128, 96};

  void average() {
    GoldenMap mirrored(golden, "head_flip");
    average_with_mirrored(heatmaps.values(), mirrored.output(), flip_partners(kCocoKeypoints),
                          pool);
  }
};

TEST_F(TaskPose, FlipAverageIsTheOriginalsBitForBit) {
  average();
  GoldenMap expected(golden, "heatmaps");
  EXPECT_TRUE(close(heatmaps.values().flat(), expected.values().flat(), {}));
}

TEST_F(TaskPose, KeypointsOfTheImageAreTheOriginals) {
  average();
  const auto box = golden.facts().at("bbox_xyxy").get<std::vector<float>>();
  const PersonCrop crop = crop_of_box(
      {.x = box[0], .y = box[1], .width = box[2] - box[0], .height = box[3] - box[1]}, input);
  const auto points = to_image(decode_heatmaps(heatmaps.output(), input, pool), crop, input);
  expect_positions(points, golden_numbers<double>(golden, "keypoints"));

  std::vector<float> scores;
  for (const Keypoint& point : points) scores.push_back(point.score);
  EXPECT_EQ(scores, golden.array("keypoint_scores").values);
}

// Every eighth of 133 and 308 keypoints, in two boxes. Where the peak is so ragged that 3e-6 of
// noise in the heatmaps would move it by more than kTolerance (`sensitivity`, in pixels of the
// input), the original's own rounding does: there, that movement is the tolerance.
class ManyKeypoints : public testing::TestWithParam<const char*> {};

TEST_P(ManyKeypoints, KeypointsInTheImageEqualTheOriginals) {
  const Golden golden(GetParam());
  const auto& facts = golden.facts();
  const Grid input{facts["img_size"][0], facts["img_size"][1]};
  const auto count = facts["num_keypoints"].get<std::size_t>();
  const auto positions = golden_numbers<double>(golden, "keypoints");
  const auto sensitivity = golden_numbers<double>(golden, "keypoint_sensitivity_px");
  const auto scores = golden.array("keypoint_scores").values;
  const ThreadPool pool(2);
  int ragged = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    GoldenMap heatmaps(golden, "heatmaps_thin", i);
    const auto corners = facts["boxes_xyxy"][i].get<std::vector<float>>();
    const PersonCrop crop = crop_of_box({.x = corners[0],
                                         .y = corners[1],
                                         .width = corners[2] - corners[0],
                                         .height = corners[3] - corners[1]},
                                        input);
    const auto points = to_image(decode_heatmaps(heatmaps.output(), input, pool), crop, input);
    ASSERT_EQ(points.size(), (count + 7) / 8);
    for (std::size_t k = 0; k < points.size(); ++k) {
      const std::size_t at = i * count + 8 * k;
      const double moved = sensitivity[at] * double{crop.width} / static_cast<double>(input.width);
      if (moved > kTolerance) ++ragged;
      const double tolerance = std::max(kTolerance, moved);
      EXPECT_NEAR(points[k].x, positions[2 * at], tolerance) << "x of keypoint " << 8 * k;
      EXPECT_NEAR(points[k].y, positions[2 * at + 1], tolerance) << "y of keypoint " << 8 * k;
      EXPECT_EQ(points[k].score, scores[at]) << 8 * k;
    }
  }
  EXPECT_LT(ragged, static_cast<int>(count / 8));  // of 2 * count
}

INSTANTIATE_TEST_SUITE_P(Golden, ManyKeypoints, testing::Values("pose_133", "pose_308"),
                         [](const auto& name) { return std::string(name.param); });

TEST(PoseDecode, FindsTheCentreOfAGaussian) {
  constexpr Grid kSize{64, 48};
  constexpr double kX = 20.3, kY = 41.8;
  std::vector<float> map;
  for (Index y = 0; y < kSize.height; ++y) {
    for (Index x = 0; x < kSize.width; ++x) {
      const double dx = static_cast<double>(x) - kX, dy = static_cast<double>(y) - kY;
      map.push_back(static_cast<float>(std::exp(-(dx * dx + dy * dy) / (2 * 36))));
    }
  }
  const HeadOutput output{{map.data(), {kSize.patches(), 1}}, kSize};
  // A logarithm in float32 near the peak resolves 6e-8 of a curvature of 1/40.
  const auto point = decode_heatmaps(output, {63, 47}, ThreadPool(1)).front();
  EXPECT_NEAR(point.x, kX, 1e-4);
  EXPECT_NEAR(point.y, kY, 1e-4);
  EXPECT_EQ(point.score, *std::max_element(map.begin(), map.end()));
}

TEST(PoseDecode, RefusesMapsWithoutPositions) {
  const std::vector<float> map(12);
  const ThreadPool pool(1);
  EXPECT_THROW(decode_heatmaps({{map.data(), {12, 1}}, {12, 1}}, {24, 2}, pool), Error);
  EXPECT_THROW(decode_heatmaps({{map.data(), {12, 1}}, {4, 4}}, {8, 8}, pool), Error);
}

TEST(FlipAverage, RefusesPartnersOfAnotherModel) {
  std::vector<float> maps(4 * 3);
  const Matrix heatmaps(maps.data(), {4, 3});
  const ThreadPool pool(1);
  for (const std::vector<int>& partners : {std::vector<int>{0, 1}, {0, 2, 3}, {0, -1, 1}}) {
    EXPECT_THROW(average_with_mirrored(heatmaps, {heatmaps, {2, 2}}, partners, pool), Error);
  }
}

}  // namespace
}  // namespace sapiens
