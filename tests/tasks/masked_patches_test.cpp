#include "tasks/masked_patches.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/random_numbers.hpp"

namespace sapiens {
namespace {

using testing::ElementsAre;

constexpr Index kHeight = 32, kWidth = 48, kPatches = 6, kNumbers = 768;

// The documented numbers: the upper 24 bits of 6457827717110365317 and 3203168211198807973, which
// the reference implementation of SplitMix64 gives first for this seed, divided by 2^24.
TEST(PatchNoise, IsTheDocumentedGenerator) {
  EXPECT_THAT(patch_noise(1234567, 2),
              ElementsAre(static_cast<float>(6457827717110365317u >> 40) / 16777216.0f,
                          static_cast<float>(3203168211198807973u >> 40) / 16777216.0f));
}

TEST(PatchNoise, LiesFromZeroUpToOne) {
  const std::vector<float> noise = patch_noise(3, 4096);
  EXPECT_GE(*std::min_element(noise.begin(), noise.end()), 0.0f);
  EXPECT_LT(*std::max_element(noise.begin(), noise.end()), 1.0f);
  // The mean of 4096 such numbers deviates by 0.0045; four times that.
  EXPECT_NEAR(std::accumulate(noise.begin(), noise.end(), 0.0) / 4096, 0.5, 0.018);
}

TEST(PatchMask, KeepsThoseWithTheSmallestNoiseInItsOrder) {
  const std::vector<float> noise = {0.5f, 0.1f, 0.9f, 0.3f, 0.1f};
  const PatchMask mask = mask_by_noise(noise, 0.4);
  EXPECT_THAT(mask.kept, ElementsAre(1, 4, 3));
  EXPECT_THAT(mask.hidden, ElementsAre(1, 0, 1, 0, 0));
}

TEST(PatchMask, CutsTheNumberOfKeptPatchesOffAsTheOriginal) {
  const std::vector<float> noise = patch_noise(1, 10);
  EXPECT_EQ(mask_by_noise(noise, 0.75).kept.size(), 2u);  // int(10 * 0.25)
  EXPECT_EQ(mask_by_noise(noise, 0).kept.size(), 10u);
  EXPECT_EQ(mask_by_noise(noise, 1).kept.size(), 0u);
  EXPECT_EQ(mask_by_noise({}, 0.75).kept.size(), 0u);
}

class Patches : public testing::Test {
 protected:
  TensorView<float, 3> image() { return {pixels_.data(), {3, kHeight, kWidth}}; }
  Matrix patches() { return {patches_.data(), {kPatches, kNumbers}}; }

  std::vector<float> pixels_ = random_normal(3 * kHeight * kWidth, {.seed = 4});
  std::vector<float> patches_ = std::vector<float>(kPatches * kNumbers);
};

TEST_F(Patches, AreOrderedByRowColumnAndChannel) {
  for (float& pixel : pixels_) pixel = static_cast<float>(&pixel - pixels_.data());
  const std::vector<PatchScale> scales = normalized_patches(image(), patches());
  const Index patch = 4;  // row 1, column 1
  const PatchScale& scale = scales[patch];
  const Index y = 3, x = 5, channel = 2;
  const float pixel = patches()[patch][(y * 16 + x) * 3 + channel] * scale.deviation + scale.mean;
  // Numbers up to 4608, to 24 bits, after one subtraction, division, product and sum.
  EXPECT_NEAR(pixel, image()[channel][16 + y][16 + x], 4e-3f);
}

TEST_F(Patches, HaveMeanZeroAndTheVarianceOfTraining) {
  normalized_patches(image(), patches());
  for (Index n = 0; n < kPatches; ++n) {
    double sum = 0, squares = 0;
    for (const float value : patches()[n].flat()) {
      sum += value;
      squares += double{value} * value;
    }
    EXPECT_NEAR(sum / kNumbers, 0, 1e-6);            // rounding of the mean to float
    EXPECT_NEAR(squares / (kNumbers - 1), 1, 4e-6);  // the epsilon of 1e-6, and rounding
  }
}

TEST_F(Patches, ReturnToTheirPlaces) {
  const std::vector<float> before = pixels_;
  const std::vector<PatchScale> scales = normalized_patches(image(), patches());
  std::ranges::fill(pixels_, 0.0f);
  place_patches(patches(), scales, image());
  for (std::size_t i = 0; i < before.size(); ++i) {
    ASSERT_NEAR(pixels_[i], before[i], 2e-6f) << i;  // numbers up to 4, rounded four times
  }
}

// The epsilon keeps what is of one colour finite.
TEST_F(Patches, UniformPatchesBecomeZeros) {
  std::ranges::fill(pixels_, 0.75f);
  const std::vector<PatchScale> scales = normalized_patches(image(), patches());
  EXPECT_NEAR(scales[0].deviation, 1e-3f, 1e-9f);
  EXPECT_TRUE(std::ranges::all_of(patches_, [](float value) { return value == 0; }));
}

TEST(PatchErrors, AreThoseOfTheHiddenPatchesAlone) {
  const std::vector<float> target = {1, -1, 2, 2}, prediction = {9, 9, 1, 2};
  const ConstMatrix wanted(target.data(), {2, 2}), found(prediction.data(), {2, 2});
  const PatchErrors errors = patch_errors(found, wanted, std::vector<std::uint8_t>{0, 1});
  EXPECT_DOUBLE_EQ(errors.masked, 0.5);
  EXPECT_DOUBLE_EQ(errors.mean, 4);
  const PatchErrors none = patch_errors(found, wanted, std::vector<std::uint8_t>{0, 0});
  EXPECT_TRUE(std::isnan(none.masked) && std::isnan(none.mean));
}

}  // namespace
}  // namespace sapiens
