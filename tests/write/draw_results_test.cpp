#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "write/pictures.hpp"

namespace sapiens {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr Rgb kGrey = {100, 100, 100};

// Of the colour map INFERNO.
constexpr Rgb kNearest = {252, 255, 164};
constexpr Rgb kFarthest = {0, 0, 4};

TEST(DrawSegmentation, BlendsTheColoursOfTheClassesBesideThePicture) {
  const SegClass classes[] = {{"Background", {50, 50, 50}}, {"Hand", {255, 0, 101}}};
  const SegClassSet set = {"two", classes};
  const Image drawing = draw_segmentation(
      grey_picture(1, 2), {.width = 2, .height = 1, .classes = 2, .ids = {0, 1}}, &set);
  EXPECT_EQ(drawing.width, 4);
  EXPECT_EQ(drawing.height, 1);
  EXPECT_EQ(pixel(drawing, 0, 1), (Rgb{90, 90, 90}));
  EXPECT_EQ(pixel(drawing, 0, 2), (Rgb{70, 70, 70}));
  EXPECT_EQ(pixel(drawing, 0, 3), (Rgb{172, 45, 95}));  // truncated, as the original does
}

TEST(DrawSegmentation, MakesUpColoursForClassesThatNobodyDescribed) {
  const SegClass classes[] = {{"Background", {50, 50, 50}}};
  const SegClassSet too_short = {"one", classes};
  for (const SegClassSet* set : {static_cast<const SegClassSet*>(nullptr), &too_short}) {
    const Image drawing = draw_segmentation(
        grey_picture(1, 3), {.width = 3, .height = 1, .classes = 255, .ids = {0, 1, 254}}, set);
    EXPECT_EQ(pixel(drawing, 0, 3), (Rgb{70, 70, 70}));
    EXPECT_NE(pixel(drawing, 0, 4), pixel(drawing, 0, 5));
  }
}

TEST(DrawSegmentation, RefusesWhatDoesNotFitThePicture) {
  EXPECT_THROW(draw_segmentation(grey_picture(1, 2), {.width = 1, .height = 2, .ids = {0, 0}}),
               Error);
  EXPECT_THROW(draw_segmentation(grey_picture(1, 2), {.width = 2, .height = 1, .ids = {}}), Error);
}

Image draw_depths(const std::vector<float>& depths, const std::vector<std::uint8_t>& mask = {}) {
  const auto width = static_cast<Index>(depths.size());
  return draw_depth(grey_picture(1, width), {depths.data(), {1, width}}, mask);
}

TEST(DrawDepth, ShowsTheNearBrightAndTheFarDark) {
  const Image drawing = draw_depths({0.2f, 0.7f, 0.4f});
  EXPECT_EQ(pixel(drawing, 0, 2), (Rgb{90, 90, 90}));
  EXPECT_EQ(pixel(drawing, 0, 3), kNearest);
  EXPECT_EQ(pixel(drawing, 0, 4), kFarthest);
}

TEST(DrawDepth, ScalesToWhatIsUnderTheMask) {
  const Image drawing = draw_depths({-9, 0.7f, 0.4f, 9}, {0, 1, 1, 0});
  EXPECT_EQ(pixel(drawing, 0, 4), kGrey);
  EXPECT_EQ(pixel(drawing, 0, 5), kFarthest);
  EXPECT_EQ(pixel(drawing, 0, 6), kNearest);
  EXPECT_EQ(pixel(drawing, 0, 7), kGrey);
}

TEST(DrawDepth, IsGreyWithoutForegroundAndWithoutNumbers) {
  EXPECT_EQ(pixel(draw_depths({1, 2}, {0, 0}), 0, 3), kGrey);
  const Image drawing = draw_depths({kNan, 1, 2});
  EXPECT_EQ(pixel(drawing, 0, 3), kGrey);
  EXPECT_EQ(pixel(drawing, 0, 4), kNearest);
  EXPECT_EQ(pixel(draw_depths({5, 5}), 0, 2), kNearest);  // all equally far
}

TEST(DrawDepth, RefusesAMaskOfAnotherSize) {
  EXPECT_THROW(draw_depths({1, 2}, {1}), Error);
  const std::vector<float> depths(4);
  EXPECT_THROW(draw_depth(grey_picture(1, 4), {depths.data(), {2, 2}}), Error);
}

TEST(DrawNormals, AreColoursOutsideTheBackground) {
  const std::vector<float> normals = {1, -1, 0, 0, 0, 1, kNan, 7, -7};
  const Image drawing = draw_normals(grey_picture(1, 3), {normals.data(), {1, 3, 3}},
                                     std::vector<std::uint8_t>{1, 0, 1});
  EXPECT_EQ(pixel(drawing, 0, 2), (Rgb{90, 90, 90}));
  EXPECT_EQ(pixel(drawing, 0, 3), (Rgb{255, 0, 127}));
  EXPECT_EQ(pixel(drawing, 0, 4), Rgb{});
  EXPECT_EQ(pixel(drawing, 0, 5), (Rgb{0, 255, 0}));
  EXPECT_THROW(draw_normals(grey_picture(1, 3), {normals.data(), {1, 3, 2}}), Error);
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
  const Image drawing = draw_pose(grey_picture(100, 100), {&pose_, 1}, &set_);
  EXPECT_EQ(drawing.width, 100);
  EXPECT_EQ(pixel(drawing, 50, 20), (Rgb{255, 0, 0}));
  EXPECT_EQ(pixel(drawing, 50, 80), (Rgb{0, 255, 0}));
  EXPECT_GT(pixel(drawing, 50, 50).blue, 200);  // a thin line, smooth at its edges
  EXPECT_EQ(pixel(drawing, 60, 50), (Rgb{90, 90, 90}));
}

TEST_F(DrawPose, LeavesOutWhatIsUnsureOrOutside) {
  const Image plain = grey_picture(100, 100);
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
    const Image drawing = draw_pose(grey_picture(1000, 1000), {&pose_, 1}, &set_);
    Index count = 0;
    for (const std::uint8_t value : drawing.rgb) count += value != 90;
    return count;
  };
  EXPECT_GT(drawn_pixels(1000), 2 * drawn_pixels(200));
  for (const float size : {kNan, -1.0f, 0.0f, 1e30f}) EXPECT_GT(drawn_pixels(size), 0);
}

TEST_F(DrawPose, DrawsOnlyPointsOfSetsThatNobodyDescribed) {
  pose_.keypoints.push_back({50, 20, 0.9f});
  const Image drawing = draw_pose(grey_picture(100, 100), {&pose_, 1}, &set_);
  EXPECT_NE(pixel(drawing, 20, 50), (Rgb{90, 90, 90}));
  EXPECT_EQ(pixel(drawing, 50, 50), (Rgb{90, 90, 90}));
}

}  // namespace
}  // namespace sapiens
