#include "model/outputs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "core/thread_pool.hpp"
#include "model/encoder.hpp"

namespace sapiens {
namespace {

using testing::Each;
using testing::ElementsAre;

TEST(Outputs, TokensBecomeAMap) {
  const std::vector<float> tokens{0, 1, 10, 11, 20, 21};  // 3 patches, 2 channels
  std::vector<float> map(6);
  tokens_to_map({tokens.data(), {3, 2}}, map);
  EXPECT_THAT(map, ElementsAre(0, 10, 20, 1, 11, 21));
}

TEST(Outputs, TheAverageIsNormalised) {
  const std::vector<float> tokens{0, 2, 2, 8};  // mean 1, 5; centre 3, deviation 2
  std::vector<float> average(2);
  average_tokens({tokens.data(), {2, 2}}, average);
  EXPECT_NEAR(average[0], -1, 1e-6);
  EXPECT_NEAR(average[1], 1, 1e-6);
}

TEST(Outputs, TheAverageOfEqualChannelsIsZero) {
  const std::vector<float> tokens{3, 3, 3, 3};
  std::vector<float> average(2, 9.0f);
  average_tokens({tokens.data(), {2, 2}}, average);
  EXPECT_THAT(average, Each(0.0f));
}

// Padding 2 shifts every patch by two pixels, with zeros at the top left; padding 0 cuts as the
// grid does.
TEST(Patches, StartWhereThePaddingSays) {
  std::vector<float> values(3 * 32 * 32);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
  const TensorView<const float, 3> image(values.data(), {3, 32, 32});
  const ThreadPool pool(1);
  std::vector<float> patches(4 * 768);
  gather_patches(image, {2, 2}, 0, {patches.data(), {4, 768}}, pool);
  EXPECT_EQ(patches[0], image[0][0][0]);
  EXPECT_EQ(patches[3 * 768 + 256 + 17], image[1][17][17]);  // last patch, green, row 1, column 1
  gather_patches(image, {2, 2}, 2, {patches.data(), {4, 768}}, pool);
  EXPECT_EQ(patches[0], 0.0f);
  EXPECT_EQ(patches[2 * 16 + 2], image[0][0][0]);
  EXPECT_EQ(patches[3 * 768], image[0][14][14]);
}

TEST(Patches, PatchesOutsideTheImageAreZero) {
  const std::vector<float> image(3 * 20 * 16, 1.0f);
  const ThreadPool pool(1);
  std::vector<float> patches(2 * 768, 9.0f);
  gather_patches({image.data(), {3, 20, 16}}, {2, 1}, 0, {patches.data(), {2, 768}}, pool);
  EXPECT_EQ(patches[768 + 3 * 16], 1.0f);  // row 19 of the image
  EXPECT_EQ(patches[768 + 4 * 16], 0.0f);  // row 20
}

}  // namespace
}  // namespace sapiens
