#include "tasks/resample.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "sapiens/error.hpp"
#include "support/stops.hpp"

namespace sapiens {
namespace {

TEST(BilinearTaps, AreHalfPixelCentresWithAReplicatedBorder) {
  // Twice the size: centres at -1/4, 1/4, 3/4, ..., the first of which the border replaces by 0.
  const std::vector<Tap> taps = bilinear_taps(3, 6);
  const Index first[] = {0, 0, 0, 1, 1, 2}, second[] = {1, 1, 1, 2, 2, 2};
  const float weight[] = {0, 0.25f, 0.75f, 0.25f, 0.75f, 0.25f};
  for (int i = 0; i < 6; ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(taps[i].first, first[i]);
    EXPECT_EQ(taps[i].second, second[i]);
    EXPECT_FLOAT_EQ(taps[i].weight, weight[i]);
  }
}

TEST(BilinearTaps, EqualSizesCopy) {
  for (const Index size : {1, 2, 7, 768, 1024}) {
    const std::vector<Tap> taps = bilinear_taps(size, size);
    for (Index i = 0; i < size; ++i) {
      EXPECT_EQ(taps[i].first, i);
      EXPECT_EQ(taps[i].weight, 0);
    }
  }
}

TEST(BilinearTaps, StayInsideAtAnySize) {
  for (const Index in : {1, 2, 3, 48, 768}) {
    for (const Index out : {1, 2, 5, 47, 49, 1001, 30000}) {
      for (const Tap& tap : bilinear_taps(in, out)) {
        ASSERT_TRUE(0 <= tap.first && tap.first <= tap.second && tap.second < in);
        ASSERT_TRUE(0 <= tap.weight && tap.weight <= 1);
      }
    }
  }
}

TEST(TwoStepResize, RefusesSizesThatDoNotFit) {
  const std::vector<float> values(24);
  const HeadOutput head{{values.data(), {12, 2}}, {4, 3}};
  EXPECT_THROW(TwoStepResize(head, {8, 6}, {0, 5}), Error);
  EXPECT_THROW(TwoStepResize(head, {8, -6}, {5, 5}), Error);
  EXPECT_THROW(TwoStepResize({head.values, {3, 3}}, {8, 6}, {5, 5}), Error);
}

// What a row of the image costs follows its width, however wide the network's input is.
TEST(TwoStepResize, MakesTheColumnsThatTheImageReadsAlone) {
  const std::vector<float> values(12 * 9 * 2);
  const HeadOutput head{{values.data(), {12 * 9, 2}}, {12, 9}};
  for (const Index width : {1, 2, 5, 9, 30, 200}) {
    const TwoStepResize resize(head, {240, 180}, {1000, width});
    EXPECT_LE(resize.row_columns(), std::min<Index>(2 * width, 180)) << width;
    EXPECT_EQ(std::ssize(resize.columns()), width);
    for (const Tap& tap : resize.columns()) {
      EXPECT_LE(tap.first, tap.second);
      EXPECT_LT(tap.second, resize.row_columns());
    }
  }
}

TEST(TwoStepResize, StopsBetweenRows) {
  const std::vector<float> values(12 * 9);
  const HeadOutput head{{values.data(), {12 * 9, 1}}, {12, 9}};
  const TwoStepResize resize(head, {24, 18}, {1000, 3});
  const ThreadPool pool(1);
  expect_stops(
      [&](const StopCheck& check) {
        const ThreadPool::Watch watch(pool, check, std::chrono::nanoseconds(0));
        resize.for_each_row({}, pool, [](Index, const float*) {});
      },
      1000 / 16);
}

}  // namespace
}  // namespace sapiens
