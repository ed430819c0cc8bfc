#include "sapiens/tracker.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

using Boxes = std::vector<Box>;

Box person(float x, float y = 100) { return {.x = x, .y = y, .width = 40, .height = 100}; }

std::vector<Index> ids(const std::vector<TrackedBox>& people) {
  std::vector<Index> result;
  for (const TrackedBox& one : people) result.push_back(one.id);
  return result;
}

using Ids = std::vector<Index>;

TEST(PersonTracker, CountsFromOneInTheOrderOfTheDetections) {
  PersonTracker tracker;
  EXPECT_EQ(ids(tracker.update(Boxes{person(300), person(0), person(150)})), (Ids{1, 2, 3}));
  EXPECT_EQ(ids(tracker.update(Boxes{person(151), person(301), person(1)})), (Ids{3, 1, 2}));
}

TEST(PersonTracker, GivesBackTheBoxesOfTheDetectorUnchanged) {
  PersonTracker tracker;
  const Box box = {.x = 1.5f, .y = -7, .width = 33, .height = 71.25f, .score = 0.4f};
  const TrackedBox tracked = tracker.update(Boxes{box}).at(0);
  EXPECT_EQ(tracked.box.x, box.x);
  EXPECT_EQ(tracked.box.y, box.y);
  EXPECT_EQ(tracked.box.width, box.width);
  EXPECT_EQ(tracked.box.height, box.height);
  EXPECT_EQ(tracked.box.score, box.score);
}

TEST(PersonTracker, EmptyFramesAreFramesToo) {
  PersonTracker tracker;
  EXPECT_TRUE(tracker.predict().empty());
  EXPECT_TRUE(tracker.update({}).empty());
  tracker.follow({});
  EXPECT_EQ(ids(tracker.update(Boxes{person(0)})), Ids{1});
  EXPECT_TRUE(tracker.update({}).empty());
  EXPECT_TRUE(tracker.predict().empty()) << "who was not found is not shown";
}

TEST(PersonTracker, KeepsPeopleApartWhoCross) {
  // Towards each other at 4 pixels a frame: their boxes coincide at frame 25.
  PersonTracker tracker;
  for (int frame = 0; frame <= 50; ++frame) {
    const auto step = static_cast<float>(4 * frame);
    const auto people = tracker.update(Boxes{person(step), person(200 - step, 110)});
    ASSERT_EQ(ids(people), (Ids{1, 2})) << "frame " << frame;
  }
}

TEST(PersonTracker, RemembersWhoIsHiddenBehindAnother) {
  PersonTracker tracker;
  for (int frame = 0; frame <= 50; ++frame) {
    const auto step = static_cast<float>(4 * frame);
    const Box front = person(step), behind = person(200 - step, 110);
    const bool hidden = frame >= 22 && frame <= 28;
    const auto people = tracker.update(hidden ? Boxes{front} : Boxes{front, behind});
    ASSERT_EQ(ids(people), (hidden ? Ids{1} : Ids{1, 2})) << "frame " << frame;
  }
}

TEST(PersonTracker, ComesBackWithinTheTimeAllowedAndNotLater) {
  for (const Index away : {Index{3}, Index{5}, Index{6}}) {
    // Someone who is away for n frames is found again n + 1 frames after they were last seen.
    PersonTracker tracker({.max_age = 6});
    tracker.update(Boxes{person(0)});
    for (Index i = 0; i < away; ++i) tracker.update({});
    const Ids expected = {away <= 5 ? 1 : 2};
    EXPECT_EQ(ids(tracker.update(Boxes{person(0)})), expected) << away << " frames away";
  }
}

TEST(PersonTracker, FramesWithoutADetectorCountForThoseOutOfSight) {
  PersonTracker tracker({.max_age = 6});
  tracker.update(Boxes{person(0)});
  tracker.update({});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(tracker.predict().empty());
  EXPECT_EQ(ids(tracker.update(Boxes{person(0)})), Ids{2});
}

TEST(PersonTracker, PeopleInSightOutlastALongWayToTheNextDetection) {
  PersonTracker tracker({.max_age = 6});
  tracker.update(Boxes{person(0)});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ids(tracker.predict()), Ids{1});
  EXPECT_EQ(ids(tracker.update(Boxes{person(2)})), Ids{1});
}

TEST(PersonTracker, NeverUsesAnIdTwice) {
  PersonTracker tracker({.max_age = 0});
  std::set<Index> seen;
  for (int i = 0; i < 20; ++i) {
    for (const TrackedBox& one :
         tracker.update(Boxes{person(i % 2 == 0 ? 0.f : 500.f), person(1000)})) {
      if (one.box.x < 900) {
        EXPECT_TRUE(seen.insert(one.id).second) << "frame " << i;
      }
    }
  }
  EXPECT_EQ(seen.size(), 20u);
}

TEST(PersonTracker, ABoxThatOverlapsTooLittleIsAnotherPerson) {
  // 40 wide and moved by 20: a third of the union; moved by 24: a quarter.
  PersonTracker near, far;
  near.update(Boxes{person(0)});
  far.update(Boxes{person(0)});
  EXPECT_EQ(ids(near.update(Boxes{person(20)})), Ids{1});
  EXPECT_EQ(ids(far.update(Boxes{person(24)})), Ids{2});
}

TEST(PersonTracker, TheBestOverlapWinsAndPersonsAreMatchedOnce) {
  PersonTracker tracker;
  tracker.update(Boxes{person(0)});
  EXPECT_EQ(ids(tracker.update(Boxes{person(10), person(2), person(12)})), (Ids{2, 1, 3}));
}

TEST(PersonTracker, EqualOverlapsGoToTheEarlierPersonAndTheEarlierBox) {
  for (int run = 0; run < 3; ++run) {
    PersonTracker tracker;
    tracker.update(Boxes{person(0), person(0)});
    EXPECT_EQ(ids(tracker.update(Boxes{person(0), person(0), person(0)})), (Ids{1, 2, 3}));
  }
}

TEST(PersonTracker, MovesPeopleOnBetweenDetections) {
  PersonTracker tracker;
  // A detector every 5 frames, 3 pixels a frame to the right and 1 up.
  for (int frame = 0; frame < 100; ++frame) {
    const auto t = static_cast<float>(frame);
    if (frame % 5 == 0) {
      EXPECT_EQ(ids(tracker.update(Boxes{person(3 * t, 400 - t)})), Ids{1});
      continue;
    }
    const TrackedBox tracked = tracker.predict().at(0);
    EXPECT_EQ(tracked.id, 1);
    if (frame < 40) continue;
    // A step's error shrinks to 2/7 with each detection: 3 (2/7)^8 after eight, times 4 frames.
    EXPECT_NEAR(tracked.box.x, 3 * t, 1e-3);
    EXPECT_NEAR(tracked.box.y, 400 - t, 1e-3);
    EXPECT_EQ(tracked.box.width, 40);
  }
}

// A body of points within a box: the extents are inset by a tenth of the box.
Pose pose_in(const Box& box, float score = 0.9f) {
  Pose pose{.box = box, .keypoints = {}};
  for (const float v : {0.1f, 0.3f, 0.5f, 0.7f, 0.9f}) {
    for (const float u : {0.1f, 0.9f}) {
      pose.keypoints.push_back(
          {.x = box.x + u * box.width, .y = box.y + v * box.height, .score = score});
    }
  }
  return pose;
}

void expect_near(const Box& actual, const Box& expected) {
  constexpr float kTolerance = 1e-3f;  // float at coordinates of some hundreds, a few operations
  EXPECT_NEAR(actual.x, expected.x, kTolerance);
  EXPECT_NEAR(actual.y, expected.y, kTolerance);
  EXPECT_NEAR(actual.width, expected.width, kTolerance);
  EXPECT_NEAR(actual.height, expected.height, kTolerance);
}

/// Where the tracker has the only person in the next frame, without motion of its own.
Box after_following(const Box& start, const Pose& first, const Pose& second) {
  PersonTracker tracker;
  tracker.update(Boxes{start});
  tracker.follow(std::vector{first});
  tracker.predict();
  tracker.follow(std::vector{second});
  // The motion just measured is a third of the way: taken off again.
  Box box = tracker.predict().at(0).box;
  const float dx = second.box.x + second.box.width / 2 - start.x - start.width / 2;
  const float dy = second.box.y + second.box.height / 2 - start.y - start.height / 2;
  box.x -= dx / 3;
  box.y -= dy / 3;
  return box;
}

TEST(PersonTracker, KeypointsMoveABoxToWhereADetectorWouldSeeIt) {
  const Box start = person(100), moved = {.x = 104, .y = 97, .width = 44, .height = 110};
  expect_near(after_following(start, pose_in(start), pose_in(moved)), moved);
}

TEST(PersonTracker, KeypointsOutOfSightDoNotShortenAPerson) {
  const Box start = person(100), moved = person(106, 102);
  Pose second = pose_in(moved);
  second.keypoints[8].score = second.keypoints[9].score = 0.1f;  // the feet
  expect_near(after_following(start, pose_in(start), second), moved);
  second.keypoints[8].score = second.keypoints[9].score = 0.9f;
  second.keypoints[8].x = std::numeric_limits<float>::quiet_NaN();
  second.keypoints[9].y = std::numeric_limits<float>::infinity();
  expect_near(after_following(start, pose_in(start), second), moved);
}

TEST(PersonTracker, AFastWalkIsFollowedForALongTimeWithoutDrift) {
  PersonTracker tracker;
  const auto at = [](int frame) {
    const auto t = static_cast<float>(frame);
    return person(8 * t, 100 + 20 * std::sin(t / 5));
  };
  for (int frame = 0; frame < 300; ++frame) {
    const auto people = frame == 0 ? tracker.update(Boxes{at(0)}) : tracker.predict();
    ASSERT_EQ(ids(people), Ids{1});
    tracker.follow(std::vector{pose_in(at(frame))});
    if (frame > 10) {
      EXPECT_NEAR(people[0].box.x, 8.0 * frame, 2) << frame;
    }
  }
}

TEST(PersonTracker, APoseThatJumpsToAnotherPersonIsNotFollowed) {
  const Box start = person(100);
  PersonTracker tracker;
  tracker.update(Boxes{start});
  tracker.follow(std::vector{pose_in(start)});
  tracker.predict();
  tracker.follow(std::vector{pose_in(person(140))});
  expect_near(tracker.predict().at(0).box, start);
}

TEST(PersonTracker, APoseThatSaysLittleChangesNothing) {
  const Box start = person(100), moved = person(106);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Pose three = pose_in(moved), no_number = pose_in(moved), point = pose_in(moved);
  three.keypoints.resize(3);
  for (Keypoint& k : no_number.keypoints) k.x = nan;
  for (Keypoint& k : point.keypoints) k = {120, 150, 0.9f};
  const Pose empty = {}, unsure = pose_in(moved, 0.1f), no_score = pose_in(moved, nan);
  for (const Pose& second : {three, no_number, empty, unsure, no_score, point}) {
    PersonTracker tracker;
    tracker.update(Boxes{start});
    tracker.follow(std::vector{pose_in(start)});
    tracker.predict();
    tracker.follow(std::vector{second});
    expect_near(tracker.predict().at(0).box, start);
  }
  PersonTracker tracker;
  tracker.update(Boxes{start});
  tracker.follow(std::vector{point});  // No extent to measure margins by.
  tracker.predict();
  tracker.follow(std::vector{pose_in(moved)});
  expect_near(tracker.predict().at(0).box, start);
}

void expect_refused(PersonTracker& tracker, const Box& box) {
  try {
    tracker.update(Boxes{person(0), box});
    ADD_FAILURE() << "accepted " << box.x << ", " << box.y << ", " << box.width << ", "
                  << box.height;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  }
}

TEST(PersonTracker, RefusesWhatIsNoBoxAndForgetsNothingOverIt) {
  PersonTracker tracker({.max_age = 2});
  tracker.update(Boxes{person(0)});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const float most = std::numeric_limits<float>::max();
  for (const float bad : {nan, infinity, -infinity}) {
    expect_refused(tracker, {.x = bad, .y = 0, .width = 1, .height = 1});
    expect_refused(tracker, {.x = 0, .y = bad, .width = 1, .height = 1});
    expect_refused(tracker, {.x = 0, .y = 0, .width = bad, .height = 1});
    expect_refused(tracker, {.x = 0, .y = 0, .width = 1, .height = bad});
    expect_refused(tracker, {.x = 0, .y = 0, .width = 1, .height = 1, .score = bad});
  }
  expect_refused(tracker, {.x = 0, .y = 0, .width = 0, .height = 1});
  expect_refused(tracker, {.x = 0, .y = 0, .width = 1, .height = -1});
  expect_refused(tracker, {.x = most, .y = 0, .width = most, .height = 1});
  EXPECT_EQ(ids(tracker.update(Boxes{person(0)})), Ids{1}) << "refused frames do not count";
}

TEST(PersonTracker, HugeFiniteBoxesStayHarmless) {
  const float most = std::numeric_limits<float>::max();
  PersonTracker tracker;
  tracker.update(Boxes{{.x = -most, .y = -most, .width = most, .height = most}});
  tracker.update(Boxes{{.x = 0, .y = 0, .width = most, .height = most}, person(0)});
  for (int i = 0; i < 10; ++i) tracker.predict();
  EXPECT_EQ(tracker.update(Boxes{person(0)}).size(), 1u);
}

TEST(PersonTracker, RefusesAnotherNumberOfPoses) {
  PersonTracker tracker;
  tracker.update(Boxes{person(0), person(100)});
  EXPECT_THROW(tracker.follow(std::vector{pose_in(person(0))}), Error);
  EXPECT_THROW(tracker.follow({}), Error);
}

TEST(PersonTracker, RefusesInvalidOptions) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float iou : {0.f, -1.f, 1.1f, nan}) {
    EXPECT_THROW(PersonTracker({.min_iou = iou}), Error) << iou;
  }
  EXPECT_THROW(PersonTracker({.max_age = -1}), Error);
  EXPECT_THROW(PersonTracker({.min_score = nan}), Error);
}

}  // namespace
}  // namespace sapiens
