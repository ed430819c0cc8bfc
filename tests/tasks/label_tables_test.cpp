#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>

#include "sapiens/labels.hpp"
#include "tasks/keypoint_sets.hpp"

namespace sapiens {
namespace {

class KeypointSets : public testing::TestWithParam<Index> {
 protected:
  const KeypointSet& set = *find_keypoint_set(GetParam());
};

TEST_P(KeypointSets, MirroringTwiceChangesNothing) {
  const std::vector<int> partners = flip_partners(set);
  ASSERT_EQ(std::ssize(partners), GetParam());
  for (int k = 0; k < std::ssize(partners); ++k) EXPECT_EQ(partners[partners[k]], k);
}

TEST_P(KeypointSets, LeftPointsBecomeRightPoints) {
  for (const KeypointInfo& point : set.keypoints) {
    const std::string name(point.name);
    if (name.rfind("left_", 0) != 0) continue;
    EXPECT_EQ(set.keypoints[point.mirror].name, "right_" + name.substr(5));
  }
}

TEST_P(KeypointSets, EveryPointHasANameOfItsOwnAndASigma) {
  std::set<std::string_view> names;
  for (const KeypointInfo& point : set.keypoints) {
    EXPECT_TRUE(names.insert(point.name).second) << point.name;
    EXPECT_GT(point.sigma, 0);
    EXPECT_GT(point.weight, 0);
  }
}

TEST_P(KeypointSets, LinksJoinPointsOfTheSet) {
  for (const SkeletonLink& link : set.skeleton) {
    EXPECT_NE(link.from, link.to);
    EXPECT_LT(std::max(link.from, link.to), GetParam());
    EXPECT_GE(std::min(link.from, link.to), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, KeypointSets, testing::Values(17, 133, 308));

TEST(KeypointSet, EntriesAreThoseOfThePublishedModels) {
  EXPECT_EQ(kCocoKeypoints.dataset, "coco");
  EXPECT_EQ(kCocoKeypoints.keypoints[16].name, "right_ankle");
  EXPECT_EQ(kCocoKeypoints.keypoints[5].color, (Rgb{0, 255, 0}));
  EXPECT_FLOAT_EQ(kCocoKeypoints.keypoints[9].weight, 1.5f);
  EXPECT_EQ(kCocoKeypoints.keypoints[9].part, BodyPart::Upper);
  EXPECT_EQ(kCocoKeypoints.skeleton.size(), 19u);
  EXPECT_EQ(kCocoKeypoints.skeleton[0].from, 15);
  EXPECT_EQ(kCocoKeypoints.skeleton[0].to, 13);
  EXPECT_EQ(kCocoWholeBodyKeypoints.skeleton.size(), 65u);
  EXPECT_EQ(kGoliathKeypoints.skeleton.size(), 65u);
}

TEST(KeypointSet, GoliathHasAnOrderOfItsOwn) {
  const auto& points = kGoliathKeypoints.keypoints;
  EXPECT_EQ(points[8].name, "right_elbow");
  EXPECT_EQ(points[9].name, "left_hip");
  EXPECT_EQ(points[41].name, "right_wrist");
  EXPECT_EQ(points[62].name, "left_wrist");
  EXPECT_EQ(points[69].name, "neck");
}

TEST(KeypointSet, CustomModelsHaveNoKnownSet) {
  for (const Index count : {0, 16, 21, 309}) EXPECT_EQ(find_keypoint_set(count), nullptr);
}

TEST(SegClasses, HaveTheBackgroundFirstAndMirrorInPairs) {
  for (const Index count : {28, 20, 19}) {
    SCOPED_TRACE(count);
    const SegClassSet* const set = find_seg_classes(count);
    ASSERT_NE(set, nullptr);
    ASSERT_EQ(std::ssize(set->classes), count);
    EXPECT_EQ(set->classes[0].name, "Background");
    for (int c = 0; c < count; ++c) {
      EXPECT_EQ(set->classes[set->classes[c].mirror].mirror, c);
    }
  }
}

TEST(SegClasses, EntriesAreThoseOfThePublishedModels) {
  EXPECT_EQ(find_seg_classes(28)->dataset, "goliath");
  EXPECT_EQ(find_seg_classes(28)->classes[0].color, (Rgb{50, 50, 50}));
  EXPECT_EQ(find_seg_classes(28)->classes[27].name, "Tongue");
  EXPECT_EQ(find_seg_classes(20)->classes[1].name, "Hat");
  EXPECT_EQ(find_seg_classes(19)->classes[13].name, "Hair");
  EXPECT_EQ(find_seg_classes(5), nullptr);
}

}  // namespace
}  // namespace sapiens
