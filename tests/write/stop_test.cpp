#include <gtest/gtest.h>

#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "support/random_numbers.hpp"
#include "support/stops.hpp"
#include "write/images.hpp"

// A drawing that is told to stop does so at its next row, line or point.
namespace sapiens {
namespace {

constexpr Index kHeight = 60, kWidth = 40;

class StopDrawing : public testing::Test {
 protected:
  const Image image_ = grey_image(kHeight, kWidth);
};

TEST_F(StopDrawing, SegmentationStops) {
  Segmentation found{.width = kWidth, .height = kHeight, .classes = 4, .ids = {}};
  for (Index i = 0; i < kHeight * kWidth; ++i)
    found.ids.push_back(static_cast<std::uint8_t>(i % 4));
  expect_stops(
      [&](const StopCheck& check) { draw_segmentation(image_, found, nullptr, {}, check); },
      3 * kHeight);  // the image, the classes, their labels
}

TEST_F(StopDrawing, DepthStops) {
  const std::vector<float> depth = random_normal(kHeight * kWidth, {.seed = 3});
  expect_stops(
      [&](const StopCheck& check) {
        draw_depth(image_, {depth.data(), {kHeight, kWidth}}, {}, {}, check);
      },
      4 * kHeight);  // the image, the extent, depth and normals
}

TEST_F(StopDrawing, NormalsStop) {
  const std::vector<float> normals = random_normal(kHeight * kWidth * 3, {.seed = 3});
  expect_stops(
      [&](const StopCheck& check) {
        draw_normals(image_, {normals.data(), {kHeight, kWidth, 3}}, {}, {}, check);
      },
      2 * kHeight);
}

TEST_F(StopDrawing, FeaturesStop) {
  const std::vector<float> features = random_normal(32 * 8 * 6, {.seed = 3});
  expect_stops(
      [&](const StopCheck& check) {
        draw_features(image_, {features.data(), {32, 8, 6}}, check);
      },
      3);  // steps of the iteration, and the image
}

TEST_F(StopDrawing, PoseStops) {
  const KeypointSet& set = *find_keypoint_set(17);
  Pose pose{.box = {.x = 0, .y = 0, .width = 40, .height = 60}, .keypoints = {}};
  for (int k = 0; k < 17; ++k) {
    pose.keypoints.push_back(
        {.x = static_cast<float>(2 * k + 1), .y = static_cast<float>(3 * k + 1), .score = 1});
  }
  const std::vector<Pose> poses(3, pose);
  expect_stops([&](const StopCheck& check) { draw_pose(image_, poses, &set, {}, check); },
               3 * (17 + static_cast<int>(set.skeleton.size())));
}

Index painted(const Image& drawn, const Image& image) {
  Index count = 0;
  for (std::size_t i = 0; i < drawn.rgb.size(); i += 3) {
    count += !std::equal(drawn.rgb.begin() + static_cast<std::ptrdiff_t>(i),
                         drawn.rgb.begin() + static_cast<std::ptrdiff_t>(i + 3),
                         image.rgb.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return count;
}

// A box as high as the strip would make links as thick as the strip is wide.
TEST(DrawStrip, PaintsNoMoreOfAStripThanOfASquareOfEqualArea) {
  const SkeletonLink link{.from = 0, .to = 1, .color = {255, 0, 0}};
  KeypointSet set = *find_keypoint_set(17);
  set.skeleton = {&link, 1};
  const auto draw = [&](Index height, Index width) {
    const Image image = grey_image(height, width);
    Pose pose{.box = {.x = 0,
                      .y = 0,
                      .width = static_cast<float>(width),
                      .height = static_cast<float>(height * 2)},
              .keypoints = std::vector<Keypoint>(17)};
    pose.keypoints[0] = {.x = static_cast<float>(width) / 2, .y = 1, .score = 1};
    pose.keypoints[1] = {
        .x = static_cast<float>(width) / 2, .y = static_cast<float>(height) - 1, .score = 1};
    return painted(draw_pose(image, {&pose, 1}, &set), image);
  };
  EXPECT_LE(draw(16000, 250), 3 * draw(2000, 2000));
}

TEST(Drawings, RefuseImagesBeyondTheBounds) {
  const Image strip = grey_image(2000, 1);
  const std::vector<float> values(2000 * 3);
  EXPECT_THROW(draw_depth(strip, {values.data(), {2000, 1}}), Error);
  EXPECT_THROW(draw_normals(strip, {values.data(), {2000, 1, 3}}), Error);
  EXPECT_THROW(draw_features(strip, {values.data(), {3, 20, 100}}), Error);
  EXPECT_THROW(draw_pose(strip, {}), Error);
}

}  // namespace
}  // namespace sapiens
