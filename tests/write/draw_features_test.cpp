#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sapiens/error.hpp"
#include "sapiens/npy.hpp"

namespace sapiens {
namespace {

Image grey_picture(Index height, Index width) {
  return {.width = width,
          .height = height,
          .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(height * width * 3), 90)};
}

std::vector<int> pixel(const Image& image, Index y, Index x) {
  const auto* rgb = image.rgb.data() + (y * image.width + x) * 3;
  return {rgb[0], rgb[1], rgb[2]};
}

Image draw_constant(float value) {
  const std::vector<float> features(8 * 4 * 4, value);
  return draw_features(grey_picture(40, 60), {features.data(), {8, 4, 4}});
}

TEST(DrawFeatures, ShowsThePictureAtTheLeftAndTheOverlayAtTheRight) {
  std::vector<float> features(8 * 4 * 4);
  for (std::size_t i = 0; i < features.size(); ++i) {
    features[i] = std::sin(static_cast<float>(i * i));
  }
  const Image drawing = draw_features(grey_picture(40, 60), {features.data(), {8, 4, 4}});
  EXPECT_EQ(drawing.height, 40);
  ASSERT_EQ(drawing.width, 60 + 12 + 60);
  EXPECT_EQ(pixel(drawing, 39, 59), (std::vector{90, 90, 90}));
  EXPECT_EQ(pixel(drawing, 20, 66), (std::vector{255, 255, 255}));
  EXPECT_NE(pixel(drawing, 5, 80), pixel(drawing, 35, 125));
}

TEST(DrawFeatures, PaintsTheFirstComponentRed) {
  std::vector<float> features(3 * 2 * 2, 0.0f);
  features[1] = features[3] = 1.0f;  // channel 0 tells the right column from the left one
  const Image drawing = draw_features(grey_picture(40, 40), {features.data(), {3, 2, 2}});
  const std::vector<int> left = pixel(drawing, 20, 52), right = pixel(drawing, 20, 91);
  EXPECT_GT(right[0], left[0] + 100);
  EXPECT_EQ(right[1], left[1]);
  EXPECT_EQ(right[2], left[2]);
}

TEST(DrawFeatures, PaintsFeaturesThatDoNotVaryGrey) {
  for (const float value : {0.0f, 0.1f, -3e38f, std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity()}) {
    SCOPED_TRACE(value);
    const std::vector<int> colour = pixel(draw_constant(value), 10, 100);
    EXPECT_EQ(colour[0], colour[1]);
    EXPECT_EQ(colour[1], colour[2]);
  }
}

TEST(DrawFeatures, LimitsTheSizeOfHugePictures) {
  const std::vector<float> features(4, 0.0f);
  const Image drawing = draw_features(grey_picture(3200, 800), {features.data(), {1, 2, 2}});
  EXPECT_EQ(drawing.height, 1600);
  EXPECT_EQ(drawing.width, 2 * 400 + 12);
}

TEST(DrawFeatures, RefusesFeaturesWithoutAGrid) {
  EXPECT_THROW(draw_features(grey_picture(4, 4), {}), Error);
  EXPECT_THROW(draw_features(Image{}, {}), Error);
}

}  // namespace
}  // namespace sapiens
