#include <gtest/gtest.h>

#include "documents/results_json.hpp"

namespace sapiens::documents {
namespace {

TEST(PoseJson, DescribesThePointsOfPublishedSets) {
  for (const Index count : {17, 133, 308}) {
    const Json json = keypoints_json(count, find_keypoint_set(count));
    EXPECT_EQ(json["num_keypoints"], count);
    EXPECT_EQ(json["keypoint_id2name"]["0"], "nose");
    EXPECT_EQ(json["keypoint_name2id"].size(), static_cast<std::size_t>(count));
    EXPECT_EQ(json["flip_indices"][1], 2);
    EXPECT_EQ(json["flip_pairs"][0], Json({1, 2}));
    EXPECT_EQ(json["skeleton_links"].size(), json["num_skeleton_links"]);
    EXPECT_EQ(json["skeleton_link_colors"].size(), json["num_skeleton_links"]);
    EXPECT_EQ(json["sigmas"].size(), static_cast<std::size_t>(count));
  }
}

TEST(PoseJson, LeavesOutWhatAUsersOwnFileDoesNotTell) {
  const KeypointInfo points[] = {{.name = "a", .mirror = 1, .sigma = 0.5f}, {.name = "b"}};
  const KeypointSet set = {.dataset = "mine", .keypoints = points};
  const Json json = keypoints_json(2, &set);
  EXPECT_EQ(json["dataset_name"], "mine");
  EXPECT_FALSE(json.contains("sigmas"));
  EXPECT_FALSE(json.contains("dataset_keypoint_weights"));
}

TEST(PoseJson, NumbersThePointsOfOtherSets) {
  const Json json = keypoints_json(3, nullptr);
  EXPECT_TRUE(json["dataset_name"].is_null());
  EXPECT_EQ(json["keypoint_id2name"]["2"], "2");
  EXPECT_EQ(json["keypoint_name2id"]["2"], 2);
  EXPECT_FALSE(json.contains("skeleton_links"));
}

TEST(PoseJson, GivesCornersOfBoxesWithoutNesting) {
  const Pose pose = {.box = {10, 20, 30, 40, 0.5f}, .keypoints = {{1.5f, -2, 0.25f}, {3, 4, 1}}};
  const Json persons = persons_json({&pose, 1});
  ASSERT_EQ(persons.size(), 1u);
  EXPECT_EQ(persons[0], Json({{"keypoints", {{1.5, -2.0}, {3.0, 4.0}}},
                              {"keypoint_scores", {0.25, 1.0}},
                              {"bbox", {10.0, 20.0, 40.0, 60.0}},
                              {"bbox_score", 0.5}}));
  EXPECT_EQ(persons_json({}), Json::array());
}

}  // namespace
}  // namespace sapiens::documents
