#include <gtest/gtest.h>

#include "sapiens/error.hpp"
#include "sapiens/eval.hpp"
#include "support/error_code_of.hpp"

namespace sapiens {
namespace {

using Ids = std::vector<std::uint8_t>;

TEST(Segmentation, CountsIntersectionOverUnionOfEveryClass) {
  SegmentationEvaluator evaluator(4);
  //                 right, right, 1 for 0, 0 for 1, ignored, right
  evaluator.add(Ids{0, 1, 1, 0, 2, 2}, Ids{0, 1, 0, 1, 255, 2});
  evaluator.add(Ids{3}, Ids{0});  // a class that no label has
  const SegmentationScores scores = evaluator.result();
  EXPECT_EQ(scores.pixels, 6);
  EXPECT_DOUBLE_EQ(*scores.pixel_accuracy, 3.0 / 6);
  EXPECT_DOUBLE_EQ(*scores.classes[0].iou(), 1.0 / 4);  // intersection 1, labelled 3, predicted 2
  EXPECT_DOUBLE_EQ(*scores.classes[1].iou(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(*scores.classes[2].iou(), 1);
  EXPECT_FALSE(scores.classes[3].iou());
  EXPECT_EQ(scores.classes[3].predicted, 1);
  EXPECT_DOUBLE_EQ(*scores.mean_iou, (1.0 / 4 + 1.0 / 3 + 1) / 3);
}

TEST(Segmentation, HasNoScoreWhereEverythingIsIgnored) {
  SegmentationEvaluator evaluator(2);
  evaluator.add(Ids{0, 1}, Ids{255, 255});
  EXPECT_FALSE(evaluator.result().mean_iou);
  EXPECT_FALSE(evaluator.result().pixel_accuracy);
}

TEST(Segmentation, AddsNothingOfAnImageWithALabelThatIsNoClass) {
  SegmentationEvaluator evaluator(2);
  EXPECT_EQ(error_code_of([&] {
              evaluator.add(Ids{0, 0}, Ids{0, 2});
            }),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(error_code_of([&] {
              evaluator.add(Ids{0, 2}, Ids{0, 0});
            }),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(error_code_of([&] { evaluator.add(Ids{0}, Ids{0, 0}); }), ErrorCode::InvalidArgument);
  EXPECT_EQ(evaluator.result().pixels, 0);
}

TEST(Segmentation, RefusesNoClassesAndTooMany) {
  for (const Index classes : {-1, 0, 256}) {
    EXPECT_EQ(error_code_of([&] { SegmentationEvaluator{classes}; }), ErrorCode::InvalidArgument);
  }
}

}  // namespace
}  // namespace sapiens
