#include "sapiens/keypoint_layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

/// A pose whose point k is at (k, 1000 + k) with score (k + 1) / 1000: whoever sees a point knows
/// which one it was.
Pose numbered_pose(Index points) {
  Pose pose{.box = {.x = 1, .y = 2, .width = 3, .height = 4, .score = 0.5f}, .keypoints = {}};
  for (Index k = 0; k < points; ++k) {
    const auto number = static_cast<float>(k);
    pose.keypoints.push_back({number, 1000 + number, (number + 1) / 1000});
  }
  return pose;
}

Pose converted(Index points, std::string_view layout) {
  return KeypointConversion::make(*find_keypoint_set(points), layout)(numbered_pose(points));
}

void expect_point(const Pose& pose, int k, int source) {
  SCOPED_TRACE(k);
  const Keypoint& point = pose.keypoints.at(static_cast<std::size_t>(k));
  EXPECT_EQ(point.x, static_cast<float>(source));
  EXPECT_EQ(point.y, static_cast<float>(1000 + source));
  EXPECT_EQ(point.score, static_cast<float>(source + 1) / 1000);
}

void expect_same_order(Index points, std::string_view layout) {
  const Pose pose = converted(points, layout);
  ASSERT_EQ(std::ssize(pose.keypoints), points);
  for (int k = 0; k < points; ++k) expect_point(pose, k, k);
}

std::vector<std::string_view> missing(const KeypointConversion& conversion) {
  std::vector<std::string_view> names;
  for (std::size_t k = 0; k < conversion.present().size(); ++k) {
    if (!conversion.present()[k]) names.push_back(conversion.to().keypoints[k].name);
  }
  return names;
}

TEST(KeypointConversion, TheModelsOwnSetChangesNothing) {
  expect_same_order(17, "coco17");
  expect_same_order(133, "coco133");
}

TEST(KeypointConversion, KeepsTheBox) {
  const Pose pose = converted(17, "openpose18");
  EXPECT_EQ(pose.box.x, 1);
  EXPECT_EQ(pose.box.height, 4);
  EXPECT_EQ(pose.box.score, 0.5f);
}

// Written down from the two datasets' lists of points, not from the tables.
TEST(KeypointConversion, FindsCocosPointsAmongThe308) {
  const int sources[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 62, 41, 9, 10, 11, 12, 13, 14};
  const Pose pose = converted(308, "coco17");
  ASSERT_EQ(pose.keypoints.size(), 17u);
  for (int k = 0; k < 17; ++k) expect_point(pose, k, sources[k]);
}

TEST(KeypointConversion, FindsFeetAndFingersOfWholeBodyAmongThe308) {
  const Pose pose = converted(308, "coco133");
  ASSERT_EQ(pose.keypoints.size(), 133u);
  expect_point(pose, 17, 15);   // left big toe
  expect_point(pose, 22, 20);   // right heel
  expect_point(pose, 95, 42);   // tip of the left thumb, the hand's first point among the 308
  expect_point(pose, 93, 44);   // left_thumb2: fingers count from the tip there, from the base here
  expect_point(pose, 116, 21);  // tip of the right thumb
  expect_point(pose, 132, 37);  // tip of the right little finger
}

// 17 of the body, 6 of the feet, and of each hand 15 of 21: not its root, nor where fingers begin.
TEST(KeypointConversion, SaysWhichPointsOfWholeBodyThe308DoNotHave) {
  const auto conversion = KeypointConversion::make(*find_keypoint_set(308), "coco133");
  EXPECT_EQ(std::ranges::count(conversion.present(), true), 53);
  const Pose pose = conversion(numbered_pose(308));
  for (const int k : {23, 90, 91, 92}) {
    EXPECT_FALSE(conversion.present()[static_cast<std::size_t>(k)]);
    const Keypoint& point = pose.keypoints[static_cast<std::size_t>(k)];
    EXPECT_EQ(point.x, 0);
    EXPECT_EQ(point.y, 0);
    EXPECT_EQ(point.score, 0);
  }
}

TEST(KeypointConversion, PutsOpenPosesNeckBetweenTheShoulders) {
  const Pose pose = converted(17, "openpose18");
  ASSERT_EQ(pose.keypoints.size(), 18u);
  expect_point(pose, 0, 0);  // nose
  EXPECT_EQ(pose.keypoints[1].x, 5.5f);
  EXPECT_EQ(pose.keypoints[1].y, 1005.5f);
  EXPECT_EQ(pose.keypoints[1].score, 0.006f);  // the score of the left shoulder is lower
  const int sources[] = {6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3};
  for (int k = 2; k < 18; ++k) expect_point(pose, k, sources[k - 2]);
}

TEST(KeypointConversion, MakesBody25WithHipsAndFeet) {
  const Pose pose = converted(308, "openpose25");
  ASSERT_EQ(pose.keypoints.size(), 25u);
  EXPECT_EQ(pose.keypoints[1].x, 5.5f);  // between the shoulders, though the 308 have a neck, 69
  EXPECT_EQ(pose.keypoints[8].x, 9.5f);  // between the hips
  expect_point(pose, 4, 41);             // right wrist
  expect_point(pose, 7, 62);             // left wrist
  expect_point(pose, 11, 14);            // right ankle
  expect_point(pose, 15, 2);             // right eye
  expect_point(pose, 19, 15);            // left big toe
  expect_point(pose, 24, 20);            // right heel
}

TEST(KeypointConversion, LeavesOutFeetThatCocoDoesNotHave) {
  const auto conversion = KeypointConversion::make(*find_keypoint_set(17), "openpose25");
  EXPECT_THAT(missing(conversion),
              testing::ElementsAre("left_big_toe", "left_small_toe", "left_heel", "right_big_toe",
                                   "right_small_toe", "right_heel"));
}

TEST(KeypointConversion, HasNoMiddleOfAPointThatIsMissing) {
  const KeypointInfo points[] = {{.name = "nose"}, {.name = "left_shoulder"}};
  const auto conversion = KeypointConversion::make({.keypoints = points}, "openpose18");
  EXPECT_EQ(std::ranges::count(conversion.present(), true), 2);
  EXPECT_FALSE(conversion.present()[1]);
}

TEST(KeypointConversion, ConvertsManyPersons) {
  const auto conversion = KeypointConversion::make(*find_keypoint_set(17), "openpose18");
  const std::vector<Pose> poses(3, numbered_pose(17));
  const auto all = conversion(poses);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2].keypoints.size(), 18u);
}

template <typename Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    return error.what();
  }
  return "no error";
}

TEST(KeypointConversion, ListsTheLayoutsWhereOneDoesNotExist) {
  const auto& set = *find_keypoint_set(17);
  const std::string message = message_of([&] { KeypointConversion::make(set, "body26"); });
  EXPECT_THAT(message, HasSubstr("body26"));
  for (const std::string_view layout : keypoint_layouts()) {
    EXPECT_THAT(message, HasSubstr(std::string(layout)));
    EXPECT_NO_THROW(KeypointConversion::make(set, layout));
  }
}

TEST(KeypointConversion, RefusesASetThatSharesNothingAndAPoseOfAnother) {
  const KeypointInfo points[] = {{.name = "tail"}};
  EXPECT_THAT(message_of([&] { KeypointConversion::make({.keypoints = points}, "coco17"); }),
              HasSubstr("tail"));
  EXPECT_THAT(message_of([&] { KeypointConversion::make({}, "coco17"); }), HasSubstr("no points"));
  const auto conversion = KeypointConversion::make(*find_keypoint_set(17), "coco17");
  EXPECT_THAT(message_of([&] { conversion(numbered_pose(18)); }), HasSubstr("17 points"));
}

class Layouts : public testing::TestWithParam<std::string_view> {
 protected:
  const KeypointSet& set_ = KeypointConversion::make(*find_keypoint_set(133), GetParam()).to();
};

TEST_P(Layouts, MirrorInPairsOfLeftAndRight) {
  for (std::size_t k = 0; k < set_.keypoints.size(); ++k) {
    const KeypointInfo& point = set_.keypoints[k];
    const KeypointInfo& partner = set_.keypoints[static_cast<std::size_t>(point.mirror)];
    EXPECT_EQ(static_cast<std::size_t>(partner.mirror), k);
    const std::string name(point.name);
    if (name.rfind("left_", 0) == 0) {
      EXPECT_EQ(partner.name, "right_" + name.substr(5));
    }
    EXPECT_GT(point.sigma, 0);
  }
}

TEST_P(Layouts, HaveASkeletonOfTheirOwnPoints) {
  EXPECT_FALSE(set_.skeleton.empty());
  for (const SkeletonLink& link : set_.skeleton) {
    EXPECT_NE(link.from, link.to);
    EXPECT_LT(std::max(link.from, link.to), std::ssize(set_.keypoints));
    EXPECT_GE(std::min(link.from, link.to), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Layouts,
                         testing::ValuesIn(keypoint_layouts().begin(), keypoint_layouts().end()));

}  // namespace
}  // namespace sapiens
