#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "write/images.hpp"

namespace sapiens {
namespace {

Image draw_constant(float value) {
  const std::vector<float> features(8 * 4 * 4, value);
  return draw_features(grey_image(40, 60), {features.data(), {8, 4, 4}});
}

TEST(DrawFeatures, ShowsTheImageAtTheLeftAndTheOverlayAtTheRight) {
  std::vector<float> features(8 * 4 * 4);
  for (std::size_t i = 0; i < features.size(); ++i) {
    features[i] = std::sin(static_cast<float>(i * i));
  }
  const Image drawing = draw_features(grey_image(40, 60), {features.data(), {8, 4, 4}});
  EXPECT_EQ(drawing.height, 40);
  ASSERT_EQ(drawing.width, 60 + 12 + 60);
  EXPECT_EQ(pixel(drawing, 39, 59), (Rgb{90, 90, 90}));
  EXPECT_EQ(pixel(drawing, 20, 66), (Rgb{255, 255, 255}));
  EXPECT_NE(pixel(drawing, 5, 80), pixel(drawing, 35, 125));
}

TEST(DrawFeatures, PaintsTheFirstComponentRed) {
  std::vector<float> features(3 * 2 * 2, 0.0f);
  features[1] = features[3] = 1.0f;  // channel 0 tells the right column from the left one
  const Image drawing = draw_features(grey_image(40, 40), {features.data(), {3, 2, 2}});
  const Rgb left = pixel(drawing, 20, 52), right = pixel(drawing, 20, 91);
  EXPECT_GT(right.red, left.red + 100);
  EXPECT_EQ(right.green, left.green);
  EXPECT_EQ(right.blue, left.blue);
}

TEST(DrawFeatures, PaintsFeaturesThatDoNotVaryGrey) {
  for (const float value : {0.0f, 0.1f, -3e38f, std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity()}) {
    SCOPED_TRACE(value);
    const Rgb colour = pixel(draw_constant(value), 10, 100);
    EXPECT_EQ(colour.red, colour.green);
    EXPECT_EQ(colour.green, colour.blue);
  }
}

TEST(DrawFeatures, LimitsTheSizeOfHugeImages) {
  const std::vector<float> features(4, 0.0f);
  const Image drawing = draw_features(grey_image(3200, 800), {features.data(), {1, 2, 2}});
  EXPECT_EQ(drawing.height, 1600);
  EXPECT_EQ(drawing.width, 2 * 400 + 12);
}

TEST(DrawFeatures, RefusesFeaturesWithoutAGrid) {
  EXPECT_THROW(draw_features(grey_image(4, 4), {}), Error);
  EXPECT_THROW(draw_features(Image{}, {}), Error);
}

}  // namespace
}  // namespace sapiens
