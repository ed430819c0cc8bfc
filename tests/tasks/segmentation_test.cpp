#include <gtest/gtest.h>

#include <limits>

#include "support/random_numbers.hpp"
#include "tasks/dense.hpp"
#include "tasks/golden_maps.hpp"

namespace sapiens {
namespace {

// The largest and the second largest of `count` numbers that are `step` apart.
struct TwoBest {
  Index best = 0;
  double gap = 0;
};

TwoBest two_best(const float* logits, Index count, Index step) {
  Index best = 0, second = -1;
  for (Index c = 1; c < count; ++c) {
    if (logits[c * step] > logits[best * step]) {
      second = best;
      best = c;
    } else if (second < 0 || logits[c * step] > logits[second * step]) {
      second = c;
    }
  }
  return {best, double{logits[best * step]} - double{logits[second * step]}};
}

TEST(Segmentation, EqualsTheOriginalWhereTwoClassesAreNotAsGoodAsEqual) {
  const Golden golden("task_seg");
  GoldenMap head(golden, "head");
  const FloatArray logits = golden.array("logits_ori_size");  // [28, 40, 50]
  const auto expected = golden_numbers<std::uint8_t>(golden, "pred_sem_seg");
  const ThreadPool pool(2);

  const Segmentation result = most_likely_classes(head.output(), {128, 96}, {40, 50}, pool);
  EXPECT_EQ(result.width, 50);
  EXPECT_EQ(result.height, 40);
  EXPECT_EQ(result.classes, 28);
  ASSERT_EQ(result.ids.size(), expected.size());
  for (std::size_t pixel = 0; pixel < expected.size(); ++pixel) {
    if (two_best(logits.values.data() + pixel, 28, 40 * 50).gap < 2e-5) continue;
    ASSERT_EQ(result.ids[pixel], expected[pixel]) << "pixel " << pixel;
  }
}

// Plain loops over whole maps, in double: what is to be computed, and nothing else.
std::vector<double> enlarged(const std::vector<double>& x, Grid in, Grid out, Index channels) {
  const std::vector<Tap> rows = bilinear_taps(in.height, out.height);
  const std::vector<Tap> columns = bilinear_taps(in.width, out.width);
  std::vector<double> y;
  for (const Tap& row : rows) {
    for (const Tap& column : columns) {
      for (Index c = 0; c < channels; ++c) {
        const auto at = [&](Index i, Index j) { return x[(i * in.width + j) * channels + c]; };
        const double upper = at(row.first, column.first) * (1 - column.weight) +
                             at(row.first, column.second) * column.weight;
        const double lower = at(row.second, column.first) * (1 - column.weight) +
                             at(row.second, column.second) * column.weight;
        y.push_back(upper * (1 - row.weight) + lower * row.weight);
      }
    }
  }
  return y;
}

class SegmentationSizes : public testing::TestWithParam<Index> {};

TEST_P(SegmentationSizes, AgreeWithThePlainDefinition) {
  const Index classes = GetParam();
  constexpr Grid kHead{12, 9}, kInput{24, 18};
  const std::vector<float> logits = random_normal(kHead.patches() * classes, {.seed = 5});
  const HeadOutput head{{logits.data(), {kHead.patches(), classes}}, kHead};
  const std::vector<double> input =
      enlarged({logits.begin(), logits.end()}, kHead, kInput, classes);
  for (const Grid image :
       {Grid{1, 1}, Grid{5, 7}, Grid{33, 40}, Grid{61, 10}, Grid{99, 1}, Grid{3, 99}}) {
    SCOPED_TRACE(testing::Message() << image.height << " x " << image.width);
    const std::vector<double> exact = enlarged(input, kInput, image, classes);
    const Segmentation result = most_likely_classes(head, kInput, image, ThreadPool(2));
    EXPECT_EQ(result.classes, classes);
    for (Index pixel = 0; pixel < image.patches(); ++pixel) {
      const std::vector<float> here(exact.begin() + pixel * classes,
                                    exact.begin() + (pixel + 1) * classes);
      const auto [best, gap] = two_best(here.data(), classes, 1);
      // Four blends of numbers below 4 round by 2e-7 each.
      if (gap < 2e-6) continue;
      ASSERT_EQ(result.ids[pixel], best) << "pixel " << pixel;
    }
  }
}

// Around the number of lanes that are compared at once, the published models, and the most.
INSTANTIATE_TEST_SUITE_P(Classes, SegmentationSizes,
                         testing::Values(2, 5, 15, 16, 17, 19, 20, 28, 31, 32, 33, 256));

TEST(Segmentation, FirstOfEqualClassesWins) {
  for (const Index first : {0, 3, 15, 16, 20}) {
    std::vector<float> logits(28, -1.0f);
    for (const Index c : {first, first + 1, Index{24}, Index{27}}) logits[c] = 2.0f;
    const HeadOutput head{{logits.data(), {1, 28}}, {1, 1}};
    EXPECT_EQ(most_likely_classes(head, {1, 1}, {1, 1}, ThreadPool(1)).ids[0], first);
  }
}

TEST(Segmentation, ASingleLogitMakesTwoClasses) {
  // sigmoid(-0.84) = 0.3015, sigmoid(-0.85) = 0.2994
  const std::vector<float> logits = {-0.85f, -0.84f, -9.0f, 3.0f};
  const HeadOutput head{{logits.data(), {4, 1}}, {2, 2}};
  const Segmentation result = most_likely_classes(head, {2, 2}, {2, 2}, ThreadPool(1));
  EXPECT_EQ(result.classes, 2);
  EXPECT_EQ(result.ids, (std::vector<std::uint8_t>{0, 1, 0, 1}));
}

TEST(Segmentation, LogitsWithoutALargestAreBackground) {
  constexpr float kInfinite = std::numeric_limits<float>::infinity();
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), -kInfinite, kInfinite}) {
    const std::vector<float> logits(2 * 28, value);
    const HeadOutput head{{logits.data(), {2, 28}}, {1, 2}};
    const Segmentation result = most_likely_classes(head, {1, 2}, {1, 5}, ThreadPool(1));
    EXPECT_EQ(result.ids, std::vector<std::uint8_t>(5, 0)) << value;
  }
}

TEST(Segmentation, RefusesMoreClassesThanAByteCounts) {
  const std::vector<float> logits(257);
  const HeadOutput head{{logits.data(), {1, 257}}, {1, 1}};
  EXPECT_THROW(most_likely_classes(head, {1, 1}, {1, 1}, ThreadPool(1)), Error);
}

}  // namespace
}  // namespace sapiens
