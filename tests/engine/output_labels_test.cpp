#include "engine/output_labels.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>

#include "engine/mirror_partners.hpp"
#include "sapiens/error.hpp"
#include "sapiens/tasks.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

/// A file whose only content is what training noted about its data.
class Notes {
 public:
  Notes& add(const std::string& key, const std::string& value) {
    dict_.metadata["meta.dataset_meta." + key] = value;
    return *this;
  }
  Notes& add_list(const std::string& key, const std::vector<std::string>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) add(fmt::format("{}.{}", key, i), values[i]);
    return *this;
  }
  const StateDict& file() const { return dict_; }
  OutputLabels labels(Task task, Index outputs) const { return {dict_, task, outputs}; }

 private:
  StateDict dict_;
};

Notes three_points() { return Notes().add_list("keypoint_id2name", {"tip", "left", "right"}); }

TEST(OutputLabels, AreThePublishedOnesWhereTheFileSaysNothing) {
  const Notes nothing;
  EXPECT_EQ(nothing.labels(Task::Pose, 133).keypoints(), find_keypoint_set(133));
  EXPECT_EQ(nothing.labels(Task::Seg, 28).classes(), find_seg_classes(28));
  EXPECT_EQ(nothing.labels(Task::Pose, 3).keypoints(), nullptr);
  EXPECT_EQ(nothing.labels(Task::Seg, 3).classes(), nullptr);
  EXPECT_EQ(nothing.labels(Task::Normal, 3).keypoints(), nullptr);
  EXPECT_EQ(nothing.labels(Task::Normal, 3).classes(), nullptr);
}

// The shape of an expanded tensor says how many outputs a head has, and may say anything.
TEST(OutputLabels, TakeMemoryOnlyForNamesThatExist) {
  const Index most = std::numeric_limits<Index>::max();
  const Notes notes = Notes().add("keypoint_name2id.a", "0").add("keypoint_name2id.b", "1");
  EXPECT_EQ(notes.labels(Task::Pose, most).keypoints(), nullptr);
  EXPECT_EQ(notes.labels(Task::Pose, 3).keypoints(), nullptr);
  ASSERT_NE(notes.labels(Task::Pose, 2).keypoints(), nullptr);
}

TEST(OutputLabels, AreWhatTrainingWroteIntoTheFile) {
  const OutputLabels labels = three_points()
                                  .add("dataset_name", "arrows")
                                  .add_list("flip_indices", {"0", "2", "1"})
                                  .add_list("keypoint_colors.1", {"1", "2", "255"})
                                  .add_list("sigmas", {"0.5", "0.25", "0.125"})
                                  .add_list("upper_body_ids", {"1", "2"})
                                  .add_list("lower_body_ids", {"0"})
                                  .add_list("skeleton_links.0", {"0", "2"})
                                  .add_list("skeleton_link_colors.0", {"9", "8", "7"})
                                  .labels(Task::Pose, 3);
  ASSERT_NE(labels.keypoints(), nullptr);
  const KeypointSet& set = *labels.keypoints();
  EXPECT_EQ(set.dataset, "arrows");
  ASSERT_EQ(set.keypoints.size(), 3u);
  EXPECT_EQ(set.keypoints[1].name, "left");
  EXPECT_EQ(set.keypoints[1].mirror, 2);
  EXPECT_EQ(set.keypoints[1].color, (Rgb{1, 2, 255}));
  EXPECT_EQ(set.keypoints[1].sigma, 0.25f);
  EXPECT_EQ(set.keypoints[1].part, BodyPart::Upper);
  EXPECT_EQ(set.keypoints[0].part, BodyPart::Lower);
  ASSERT_EQ(set.skeleton.size(), 1u);
  EXPECT_EQ(set.skeleton[0].to, 2);
  EXPECT_EQ(set.skeleton[0].color, (Rgb{9, 8, 7}));
}

TEST(OutputLabels, AreFoundByNumberOrByName) {
  const OutputLabels labels = Notes()
                                  .add("keypoint_name2id.left.eye", "1")
                                  .add("keypoint_name2id.nose", "0")
                                  .labels(Task::Pose, 2);
  ASSERT_NE(labels.keypoints(), nullptr);
  EXPECT_EQ(labels.keypoints()->keypoints[1].name, "left.eye");
}

TEST(OutputLabels, KeepWhatIsPublishedAboutPointsOfThoseNames) {
  const KeypointSet& published = *find_keypoint_set(17);
  Notes notes;
  for (std::size_t k = 0; k < 17; ++k) {
    notes.add(fmt::format("keypoint_id2name.{}", k), std::string(published.keypoints[k].name));
  }
  notes.add_list("keypoint_colors.0", {"1", "1", "1"});
  const OutputLabels labels = notes.labels(Task::Pose, 17);
  const KeypointSet& set = *labels.keypoints();
  EXPECT_EQ(set.keypoints[0].color, (Rgb{1, 1, 1}));
  EXPECT_EQ(set.keypoints[5].color, published.keypoints[5].color);
  EXPECT_EQ(set.keypoints[5].sigma, published.keypoints[5].sigma);
  EXPECT_EQ(set.skeleton.size(), published.skeleton.size());
}

// Seventeen points of a hand are not mirrored as those of a body.
TEST(OutputLabels, UnknownPointsAreNotMixedWithAPublishedSetOfEqualSize) {
  Notes notes;
  for (int k = 0; k < 17; ++k) {
    notes.add(fmt::format("keypoint_id2name.{}", k), fmt::format("finger {}", k));
  }
  const OutputLabels labels = notes.labels(Task::Pose, 17);
  EXPECT_TRUE(mirror_partners(notes.file(), 17).empty());
  EXPECT_EQ(labels.keypoints()->keypoints[1].mirror, 1);
  EXPECT_EQ(labels.keypoints()->keypoints[1].sigma, 0);
  EXPECT_TRUE(labels.keypoints()->skeleton.empty());
}

TEST(OutputLabels, ClassesHaveThePaletteOfTheFileOrAGeneratedOne) {
  for (const auto& [classes, palette] :
       {std::pair{"classes", "palette"}, std::pair{"CLASSES", "PALETTE"}}) {
    const OutputLabels labels = Notes()
                                    .add_list(classes, {"nothing", "boot", "lace"})
                                    .add_list(std::string(palette) + ".1", {"4", "5", "6"})
                                    .labels(Task::Seg, 3);
    ASSERT_NE(labels.classes(), nullptr);
    const auto seg_classes = labels.classes()->classes;
    EXPECT_EQ(seg_classes[2].name, "lace");
    EXPECT_EQ(seg_classes[1].color, (Rgb{4, 5, 6}));
    EXPECT_NE(seg_classes[2].color, seg_classes[0].color);
  }
}

// Two numbers or three are said of a head with three outputs; one name is missing, empty, endless,
// or there twice; an id is none.
TEST(OutputLabels, LabelsThatDoNotFitTheHeadAreIgnored) {
  const std::string endless(257, 'x');
  const Notes cases[] = {
      Notes().add_list("keypoint_id2name", {"a", "b"}),
      Notes().add_list("keypoint_id2name", {"a", "b", "c", "d"}),
      Notes().add_list("keypoint_id2name", {"a", "", "c"}),
      Notes().add_list("keypoint_id2name", {"a", endless, "c"}),
      Notes().add_list("keypoint_id2name", {"a", "b", "a"}),
      Notes().add("keypoint_name2id.a", "0").add("keypoint_name2id.b", "1"),
      Notes().add("keypoint_name2id.a", "0").add("keypoint_name2id.b", "0"),
      Notes().add("keypoint_name2id.a", "-1"),
      Notes().add("keypoint_name2id.a", "99999999999999999999"),
      Notes().add("keypoint_name2id.a", "nan"),
  };
  for (const Notes& notes : cases) {
    EXPECT_EQ(notes.labels(Task::Pose, 3).keypoints(), nullptr);
    EXPECT_EQ(notes.labels(Task::Seg, 3).classes(), nullptr);
  }
}

TEST(OutputLabels, TakeNoColourLinkOrPartnerOutOfRange) {
  for (const char* bad :
       {"-1", "256", "3", "1e9", "nan", "1.5", "", " 1", "99999999999999999999"}) {
    SCOPED_TRACE(bad);
    const OutputLabels labels = three_points()
                                    .add_list("keypoint_colors.0", {bad, "700", "0"})
                                    .add_list("upper_body_ids", {bad})
                                    .add_list("skeleton_links.0", {"0", "1"})
                                    .add_list("skeleton_links.1", {"0", bad})
                                    .add_list("flip_indices", {"0", bad, "1"})
                                    .labels(Task::Pose, 3);
    const KeypointSet& set = *labels.keypoints();
    EXPECT_EQ(set.keypoints[0].color, set.keypoints[2].color);
    EXPECT_EQ(set.keypoints[1].part, BodyPart::Other);
    EXPECT_TRUE(set.skeleton.empty());
    EXPECT_EQ(set.keypoints[1].mirror, 1);
  }
  for (const char* bad : {"nan", "inf", "1e300", "x"}) {
    const OutputLabels labels = three_points().add_list("sigmas", {bad}).labels(Task::Pose, 3);
    EXPECT_EQ(labels.keypoints()->keypoints[0].sigma, 0) << bad;
  }
}

TaskModel load(const std::string& name, const std::string& file, Index heads) {
  return TaskModel(Checkpoint::open(Golden(name).file(file)), {.heads = heads});
}

TEST(OutputLabels, AreToldWithoutReadingWeights) {
  const Checkpoint file = Checkpoint::open(Golden("pose_21_user").file("pose.pth"));
  EXPECT_EQ(output_names(file, {.heads = 4}), load("pose_21_user", "pose.pth", 4).output_names());
  const Checkpoint encoder = Checkpoint::open(Golden("encoder_sq128").file("encoder_clean.pth"));
  EXPECT_THROW(output_names(encoder), Error);
}

TEST(OutputLabels, FineTunesKeepTheirOwnLabels) {
  TaskModel pose = load("pose_21_user", "pose.pth", 4);
  const KeypointSet* const set = pose.keypoint_set();
  ASSERT_NE(set, nullptr);
  const TaskModel moved = std::move(pose);
  EXPECT_EQ(moved.keypoint_set(), set);
  EXPECT_EQ(set->dataset, "mine");
  EXPECT_EQ(moved.output_names().at(20), "point_20");
  // A NumPy array of 21 x 3 bytes, counting.
  EXPECT_EQ(set->keypoints[20].color, (Rgb{60, 61, 62}));
  EXPECT_FLOAT_EQ(set->keypoints[20].sigma, 0.1f);
  EXPECT_EQ(set->keypoints[1].mirror, 2);
  EXPECT_EQ(moved.seg_classes(), nullptr);

  const TaskModel seg = load("seg_5_user", "seg.pth", 6);
  EXPECT_EQ(seg.output_names(),
            (std::vector<std::string>{"class_0", "class_1", "class_2", "class_3", "class_4"}));
  EXPECT_EQ(seg.keypoint_set(), nullptr);
}

TEST(OutputLabels, PublishedRecordsGiveThePublishedSet) {
  const TaskModel pose = load("task_pose", "pose.pth", 4);
  const KeypointSet& set = *pose.keypoint_set();
  const KeypointSet& published = *find_keypoint_set(17);
  ASSERT_EQ(set.keypoints.size(), 17u);
  for (std::size_t k = 0; k < 17; ++k) {
    EXPECT_EQ(set.keypoints[k].name, published.keypoints[k].name);
    EXPECT_EQ(set.keypoints[k].color, published.keypoints[k].color) << k;
    EXPECT_EQ(set.keypoints[k].mirror, published.keypoints[k].mirror) << k;
    EXPECT_EQ(set.keypoints[k].sigma, published.keypoints[k].sigma) << k;
    EXPECT_EQ(set.keypoints[k].weight, published.keypoints[k].weight) << k;
    EXPECT_EQ(set.keypoints[k].part, published.keypoints[k].part) << k;
  }
  ASSERT_EQ(set.skeleton.size(), published.skeleton.size());
  for (std::size_t i = 0; i < set.skeleton.size(); ++i) {
    EXPECT_EQ(set.skeleton[i].from, published.skeleton[i].from);
    EXPECT_EQ(set.skeleton[i].to, published.skeleton[i].to);
    EXPECT_EQ(set.skeleton[i].color, published.skeleton[i].color);
  }
}

TEST(OutputLabels, OutliveAConversion) {
  const Scratch scratch;
  const Golden golden("pose_21_user");
  for (const char* name : {"a.pth", "a.safetensors"}) {
    ConvertOptions options;
    options.model.heads = 4;
    convert_checkpoint(Checkpoint::open(golden.file("pose.pth")), scratch / name, options);
    const TaskModel pose(Checkpoint::open(scratch / name));  // which also recorded the heads
    ASSERT_NE(pose.keypoint_set(), nullptr) << name;
    EXPECT_EQ(pose.keypoint_set()->keypoints[20].name, "point_20");
    EXPECT_EQ(pose.keypoint_set()->keypoints[20].color, (Rgb{60, 61, 62}));
    EXPECT_TRUE(pose.can_flip_test());
  }
}

}  // namespace
}  // namespace sapiens
