#include "tasks/detection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A level of 2 x 3 points, 8 pixels apart, without a person at first.
class OneLevel {
 public:
  OneLevel() : logits_(6, -kInfinity), distances_(24, 1.0f) {}

  void person(Index point, float logit, const std::vector<float>& distances) {
    logits_[static_cast<std::size_t>(point)] = logit;
    std::copy(distances.begin(), distances.end(), distances_.begin() + 4 * point);
  }
  std::vector<ScoredBox> decode(const InputFrame& frame, float min_score) {
    const DetectorLevel level{.stride = 8,
                              .size = {2, 3},
                              .logits = {logits_.data(), {6, 1}},
                              .distances = {distances_.data(), {6, 4}}};
    return decode_boxes({&level, 1}, frame, min_score);
  }

 private:
  std::vector<float> logits_, distances_;
};

constexpr InputFrame kFrame{.size = {64, 64}, .scale_x = 0.5f, .scale_y = 0.25f};

TEST(DecodeBoxes, MeasuresFromTheCornerOfACellAndInPixelsOfTheImage) {
  OneLevel level;
  level.person(4, 0, {5, 6, 7, 9});  // at (8, 8)
  const auto boxes = level.decode(kFrame, 0.3f);
  ASSERT_EQ(boxes.size(), 1u);
  EXPECT_EQ(boxes[0].left, 6);
  EXPECT_EQ(boxes[0].top, 8);
  EXPECT_EQ(boxes[0].right, 30);
  EXPECT_EQ(boxes[0].bottom, 68);
  EXPECT_EQ(boxes[0].score, 0.5f);
}

TEST(DecodeBoxes, ClampsToTheInput) {
  OneLevel level;
  level.person(0, 9, {5, kInfinity, 100, kInfinity});
  const auto boxes = level.decode(kFrame, 0.3f);
  ASSERT_EQ(boxes.size(), 1u);
  EXPECT_EQ(boxes[0].left, 0);
  EXPECT_EQ(boxes[0].top, 0);
  EXPECT_EQ(boxes[0].right, 128);
  EXPECT_EQ(boxes[0].bottom, 256);
}

TEST(DecodeBoxes, TakesHigherScoresOnlyAndTheBestFirst) {
  OneLevel level;
  level.person(1, 0, {1, 1, 1, 1});  // a score of exactly a half
  level.person(2, 1, {1, 1, 1, 1});
  level.person(3, 2, {0, 1, 1, 1});
  level.person(5, 1, {1, 1, 2, 1});
  const auto boxes = level.decode(kFrame, 0.5f);
  ASSERT_EQ(boxes.size(), 3u);
  EXPECT_GT(boxes[0].score, boxes[1].score);
  EXPECT_EQ(boxes[1].score, boxes[2].score);
  EXPECT_EQ(boxes[1].right, 34);  // the earlier of equal points
}

TEST(DecodeBoxes, DropsBoxesWithoutAreaOrWithNaN) {
  OneLevel level;
  level.person(0, 9, {1, 1, 0, 1});  // clamped to nothing
  level.person(1, 9, {1, kNaN, 1, 1});
  level.person(2, kNaN, {1, 1, 1, 1});
  level.person(3, 9, {0, 0, 1, 0});
  EXPECT_TRUE(level.decode(kFrame, 0.3f).empty());
}

ScoredBox box(float left, float top, float right, float bottom, float score) {
  return {.left = left, .top = top, .right = right, .bottom = bottom, .score = score};
}

// 10 x 10 pixels each, both edges counted; moved by 5 they share 50 of 150.
TEST(SuppressOverlaps, CountsBothEdges) {
  const std::vector<ScoredBox> boxes{box(0, 0, 9, 9, 0.9f), box(5, 0, 14, 9, 0.8f)};
  EXPECT_EQ(suppress_overlaps(boxes, 0.32f, 100).size(), 1u);
  EXPECT_EQ(suppress_overlaps(boxes, 0.34f, 100).size(), 2u);
  // Boxes that only touch share a column of pixels.
  const std::vector<ScoredBox> touching{box(0, 0, 9, 9, 0.9f), box(9, 0, 18, 9, 0.8f)};
  EXPECT_EQ(suppress_overlaps(touching, 0.05f, 100).size(), 1u);
}

TEST(SuppressOverlaps, OnlyAskBoxesThatWereKept) {
  // The second goes because of the first; the third overlaps the second alone.
  const std::vector<ScoredBox> boxes{box(0, 0, 9, 9, 0.9f), box(4, 0, 13, 9, 0.8f),
                                     box(9, 0, 18, 9, 0.7f)};
  const auto kept = suppress_overlaps(boxes, 0.3f, 100);
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[1].score, 0.7f);
}

// The original cuts to 100 before it looks for duplicates: one person with 100 of them hides all
// the others.
TEST(SuppressOverlaps, LookForDuplicatesBeforeTheCut) {
  std::vector<ScoredBox> boxes(200, box(0, 0, 9, 9, 0.9f));
  boxes.push_back(box(100, 0, 109, 9, 0.4f));
  EXPECT_EQ(suppress_overlaps(boxes, 0.3f, 100).size(), 2u);
  EXPECT_EQ(suppress_overlaps(boxes, 0.3f, 1).size(), 1u);
}

TEST(DetectOptions, OptionsOutsideTheirRangeAreRefusedByName) {
  const auto key = [](const DetectOptions& options) -> std::string {
    try {
      expect_detect_options(options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      return error.detail().key;
    }
    return "";
  };
  EXPECT_EQ(key({}), "");
  EXPECT_EQ(key({.min_score = kNaN}), "min_score");
  EXPECT_EQ(key({.min_score = 1.5f}), "min_score");
  EXPECT_EQ(key({.nms_iou = -0.1f}), "nms_iou");
  EXPECT_EQ(key({.max_detections = 0}), "max_detections");
}

}  // namespace
}  // namespace sapiens
