#include "skeleton.hpp"

#include <gtest/gtest.h>

namespace mannequin {
namespace {

TEST(Skeleton, FacesForwardsAtRestWithItsLeftAtPlusX) {
  Random random(1, 0, Aspect::Body);
  const Body body = random_body(random);
  const Skeleton bones = posed(body, {});
  EXPECT_GT(bones.upper_arm[0].origin.x, 0.05f);
  EXPECT_LT(bones.upper_arm[1].origin.x, -0.05f);
  EXPECT_GT(bones.foot[0].turn.z.z, 0.9f);
  EXPECT_GT(bones.head.origin.y, bones.chest.origin.y);
  EXPECT_LT(bones.hand[0].origin.y, bones.forearm[0].origin.y);
}

TEST(Skeleton, ArmsBendForwardsAndKneesBackwards) {
  Random random(2, 0, Aspect::Body);
  const Body body = random_body(random);
  Pose pose;
  pose.arms[0].elbow = 90;
  pose.legs[1].knee = 90;
  const Skeleton bones = posed(body, pose);
  EXPECT_GT(bones.hand[0].origin.z, bones.forearm[0].origin.z + 0.1f);
  EXPECT_LT(bones.foot[1].origin.z, bones.shin[1].origin.z - 0.1f);
}

TEST(Skeleton, KeepsTheLengthsOfBonesInEveryPose) {
  for (std::uint64_t i = 0; i < 200; ++i) {
    Random bodies(3, i, Aspect::Body), poses(3, i, Aspect::Pose);
    const Body body = random_body(bodies);
    const Skeleton bones = posed(body, random_pose(poses));
    for (int side = 0; side < 2; ++side) {
      // Sums of a dozen roundings at about 1 m.
      EXPECT_NEAR(length(bones.forearm[side].origin - bones.hand[side].origin), body.forearm, 1e-5);
      EXPECT_NEAR(length(bones.thigh[side].origin - bones.shin[side].origin), body.thigh, 1e-5);
      EXPECT_GT(bones.foot[side].origin.y, 0) << i;
    }
  }
}

TEST(Pose, LimitsLeaveAPoseWithinThemAlone) {
  for (std::uint64_t i = 0; i < 200; ++i) {
    Random random(4, i, Aspect::Pose);
    const Pose pose = random_pose(random);
    const Pose again = within_limits(pose);
    for (int side = 0; side < 2; ++side) {
      EXPECT_EQ(pose.arms[side].elbow, again.arms[side].elbow);
      EXPECT_EQ(pose.legs[side].flex, again.legs[side].flex);
      EXPECT_GE(pose.legs[side].knee, 0);
    }
    EXPECT_EQ(pose.turn, again.turn);
  }
}

}  // namespace
}  // namespace mannequin
