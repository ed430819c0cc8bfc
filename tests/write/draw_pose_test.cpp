#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "support/nan.hpp"
#include "write/images.hpp"

namespace sapiens {
namespace {

constexpr Rgb kPaper = {90, 90, 90};

Index changed_pixels(const Image& drawing) {
  Index count = 0;
  for (Index y = 0; y < drawing.height; ++y) {
    for (Index x = 0; x < drawing.width; ++x) count += pixel(drawing, y, x) != kPaper;
  }
  return count;
}

class DrawPose : public testing::Test {
 protected:
  static constexpr KeypointInfo kPoints[] = {{"left", {255, 0, 0}}, {"right", {0, 255, 0}}};
  static constexpr SkeletonLink kLinks[] = {{0, 1, {0, 0, 255}}};
  const KeypointSet set_ = {"two", kPoints, kLinks};

  Pose pose_ = {.box = {.width = 100, .height = 100},
                .keypoints = {{20, 50, 0.9f}, {80, 50, 0.9f}}};
};

TEST_F(DrawPose, DrawsPointsOverLinks) {
  const Image drawing = draw_pose(grey_image(100, 100), {&pose_, 1}, &set_);
  EXPECT_EQ(drawing.width, 100);
  EXPECT_EQ(pixel(drawing, 50, 20), (Rgb{255, 0, 0}));
  EXPECT_EQ(pixel(drawing, 50, 80), (Rgb{0, 255, 0}));
  EXPECT_GT(pixel(drawing, 50, 50).blue, 200);  // a thin line, smooth at its edges
  EXPECT_EQ(pixel(drawing, 60, 50), (Rgb{90, 90, 90}));
}

TEST_F(DrawPose, LeavesOutWhatIsUnsureOrOutside) {
  const Image plain = grey_image(100, 100);
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Keypoint& point :
       {Keypoint{80, 50, 0.2f}, Keypoint{-5, 50, 1}, Keypoint{80, 100, 1}, Keypoint{kNan, 50, 1},
        Keypoint{infinity, 1e30f, 1}, Keypoint{80, 50, kNan}}) {
    pose_.keypoints = {point, point};
    EXPECT_EQ(draw_pose(plain, {&pose_, 1}, &set_).rgb, plain.rgb);
    pose_.keypoints[0] = {20, 50, 0.9f};
    EXPECT_EQ(pixel(draw_pose(plain, {&pose_, 1}, &set_), 50, 50), (Rgb{90, 90, 90}));
  }
}

TEST_F(DrawPose, GrowsWithThePerson) {
  const auto drawn_pixels = [&](float height) {
    pose_.box = {.width = 10, .height = height};
    const Image drawing = draw_pose(grey_image(1000, 1000), {&pose_, 1}, &set_);
    Index count = 0;
    for (const std::uint8_t value : drawing.rgb) count += value != 90;
    return count;
  };
  EXPECT_GT(drawn_pixels(1000), 2 * drawn_pixels(200));
  for (const float size : {kNan, -1.0f, 0.0f, 1e30f}) EXPECT_GT(drawn_pixels(size), 0);
}

TEST_F(DrawPose, DrawsOnlyPointsOfUnknownSets) {
  pose_.keypoints.push_back({50, 20, 0.9f});
  const Image drawing = draw_pose(grey_image(100, 100), {&pose_, 1}, &set_);
  EXPECT_NE(pixel(drawing, 20, 50), (Rgb{90, 90, 90}));
  EXPECT_EQ(pixel(drawing, 50, 50), (Rgb{90, 90, 90}));
}

TEST_F(DrawPose, TakesSizesInPixels) {
  pose_.keypoints[1].score = 0;
  const auto drawn = [&](float radius) {
    return changed_pixels(draw_pose(grey_image(100, 100), {&pose_, 1}, &set_, {.radius = radius}));
  };
  // The area of the disc, and that of one a pixel larger for what is smooth at its edge.
  EXPECT_GE(drawn(10), 314);
  EXPECT_LE(drawn(10), 381);
  EXPECT_GT(drawn(1e30f), 100 * 100 - 1);
  pose_.keypoints[1].score = 1;
  const Image thick = draw_pose(grey_image(100, 100), {&pose_, 1}, &set_, {.thickness = 20});
  EXPECT_EQ(pixel(thick, 42, 50), (Rgb{0, 0, 255}));
  EXPECT_NO_THROW(draw_pose(grey_image(9, 9), {&pose_, 1}, &set_, {.thickness = 1e30f}));
}

TEST_F(DrawPose, BlendsWithTheImage) {
  const Image drawing =
      draw_pose(grey_image(100, 100), {&pose_, 1}, &set_, {.radius = 5, .alpha = 0.5f});
  EXPECT_EQ(pixel(drawing, 50, 80), (Rgb{45, 172, 45}));
  EXPECT_EQ(pixel(drawing, 90, 80), kPaper);
}

TEST_F(DrawPose, DrawsBoxesThatReachBeyondTheImage) {
  pose_.keypoints.clear();
  pose_.box = {.x = -1e30f, .y = 20, .width = 2e30f, .height = 30};
  const Image drawing = draw_pose(grey_image(100, 100), {&pose_, 1}, &set_, {.boxes = true});
  EXPECT_EQ(pixel(drawing, 20, 50), (Rgb{0, 255, 0}));
  EXPECT_EQ(pixel(drawing, 49, 50), (Rgb{0, 255, 0}));
  EXPECT_EQ(pixel(drawing, 30, 0), (Rgb{0, 255, 0}));
  EXPECT_EQ(pixel(drawing, 30, 99), (Rgb{0, 255, 0}));
  EXPECT_EQ(pixel(drawing, 60, 50), kPaper);
}

TEST_F(DrawPose, DrawsNoBoxWithoutASize) {
  pose_.keypoints.clear();
  for (const Box& box : {Box{.x = 10, .y = 10}, Box{kNan, kNan, kNan, kNan}, Box{200, 200, 10, 10},
                         Box{-50, -50, 10, 10}}) {
    pose_.box = box;
    EXPECT_EQ(changed_pixels(draw_pose(grey_image(100, 100), {&pose_, 1}, &set_, {.boxes = true})),
              0);
  }
}

TEST_F(DrawPose, NamesPersonsInColoursThatFollowTheirNames) {
  pose_.keypoints.clear();
  pose_.box = {.x = 10, .y = 40, .width = 80, .height = 50};
  const std::vector<Pose> poses(2, pose_);
  const auto color_of = [&](const std::vector<std::string>& labels) {
    return pixel(draw_pose(grey_image(100, 100), poses, &set_, {.labels = labels}), 38, 12);
  };
  const Rgb one = color_of({"", "7"});
  EXPECT_NE(one, kPaper);
  EXPECT_EQ(color_of({"7", ""}), one);
  EXPECT_NE(color_of({"8", ""}), one);
  EXPECT_EQ(color_of({"", ""}), kPaper);
}

TEST_F(DrawPose, KeepsLabelsInTheImage) {
  pose_.keypoints.clear();
  const std::vector<std::string> label = {"somebody with a very long name indeed"};
  for (const Box& box : {Box{0, 0, 50, 50}, Box{95, 95, 500, 500}, Box{kNan, kNan, 1, 1}}) {
    pose_.box = box;
    const Image drawing = draw_pose(grey_image(100, 100), {&pose_, 1}, &set_, {.labels = label});
    EXPECT_GT(changed_pixels(drawing), 500);
  }
}

TEST_F(DrawPose, RefusesOptionsOutOfRange) {
  const std::vector<std::string> two = {"1", "2"};
  for (const PoseDrawing& drawing :
       {PoseDrawing{.radius = -1}, PoseDrawing{.radius = kNan}, PoseDrawing{.thickness = -1},
        PoseDrawing{.alpha = 1.5f}, PoseDrawing{.alpha = kNan}, PoseDrawing{.labels = two}}) {
    EXPECT_THROW(draw_pose(grey_image(10, 10), {&pose_, 1}, &set_, drawing), Error);
  }
}

/// The points of a face, as many as the published set has, in 60x64 pixels of a person who is 600
/// pixels high.
TEST(DrawPoseOf308, LeavesTheFaceVisible) {
  Pose pose{.box = {.x = 0, .y = 0, .width = 300, .height = 600}, .keypoints = {}};
  for (int k = 0; k < 308; ++k) {
    const int i = k - 70;
    pose.keypoints.push_back({100.0f + 4 * static_cast<float>(i % 15),
                              50.0f + 4 * static_cast<float>(i / 15), k < 70 ? 0.0f : 1.0f});
  }
  const Image drawing = draw_pose(grey_image(600, 300), {&pose, 1}, find_keypoint_set(308));
  Index visible = 0;
  for (Index y = 50; y < 114; ++y) {
    for (Index x = 100; x < 160; ++x) {
      const Rgb color = pixel(drawing, y, x);
      const auto change = [](std::uint8_t channel) { return std::abs(channel - kPaper.red); };
      visible += std::max({change(color.red), change(color.green), change(color.blue)}) < 60;
    }
  }
  EXPECT_GT(visible, 64 * 60 / 2);
}

TEST(DrawPoseOf308, LeavesFingersApart) {
  const KeypointSet& set = *find_keypoint_set(308);
  Pose pose{.box = {.x = 0, .y = 0, .width = 300, .height = 600}, .keypoints = {}};
  for (int k = 0; k < 308; ++k) {  // the right hand: five fingers of four points
    const int i = k - 21;
    const bool shown = i >= 0 && i < 20;
    pose.keypoints.push_back({100.0f + 6 * static_cast<float>(i / 4),
                              50.0f + 6 * static_cast<float>(i % 4), shown ? 1.0f : 0.0f});
  }
  const Image drawing = draw_pose(grey_image(600, 300), {&pose, 1}, &set);
  EXPECT_EQ(pixel(drawing, 59, 103), kPaper);
  EXPECT_NE(pixel(drawing, 59, 106), kPaper);
}

}  // namespace
}  // namespace sapiens
