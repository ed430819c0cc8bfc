#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "golden_image.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/error.hpp"
#include "support/stops.hpp"

namespace sapiens {
namespace {

Image random_image(Index height, Index width, unsigned seed) {
  std::mt19937 random(seed);
  Image image{.width = width, .height = height, .rgb = {}};
  image.rgb.resize(static_cast<std::size_t>(height * width * 3));
  for (auto& value : image.rgb) value = static_cast<std::uint8_t>(random() >> 24);
  return image;
}

double keys_cubic(double x) {
  x = std::abs(x);
  if (x < 1) return 1.5 * x * x * x - 2.5 * x * x + 1;
  if (x < 2) return -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2;
  return 0;
}

// One axis of the definition in double: every input pixel is weighed, none is left out by its
// position. `step` is the distance of neighbours in `in`.
double resample(const std::uint8_t* in, Index step, Index in_size, Index out_size, Index i) {
  const double scale = static_cast<double>(in_size) / static_cast<double>(out_size);
  const double center = (static_cast<double>(i) + 0.5) * scale;
  double sum = 0, total = 0;
  for (Index k = 0; k < in_size; ++k) {
    const double distance = static_cast<double>(k) + 0.5 - center;
    const double weight = keys_cubic(distance / std::max(scale, 1.0));
    sum += weight * in[k * step];
    total += weight;
  }
  return std::clamp(sum / total, 0.0, 255.0);
}

TEST(BicubicPillow, EachPassIsTheRoundedDefinition) {
  const Image image = random_image(37, 23, 1);
  for (const Index size : {1, 2, 7, 22, 24, 36, 38, 64, 111}) {
    SCOPED_TRACE(size);
    const Image wide = resize_bicubic_pillow(image, image.height, size);
    const Image tall = resize_bicubic_pillow(image, size, image.width);
    for (Index i = 0; i < size; ++i) {
      // Half a step of rounding; 22-bit weights add less than 1e-3.
      const double x = resample(image.rgb.data() + 1, 3, image.width, size, i);
      EXPECT_NEAR(wide.rgb[i * 3 + 1], x, 0.501);
      const double y = resample(image.rgb.data() + 1, 3 * image.width, image.height, size, i);
      EXPECT_NEAR(tall.rgb[i * image.width * 3 + 1], y, 0.501);
    }
  }
}

TEST(BicubicPillow, RoundsToBytesBetweenThePasses) {
  const Image image = random_image(40, 60, 2);
  const Image between = resize_bicubic_pillow(image, 40, 31);
  EXPECT_TRUE(
      same_pixels(resize_bicubic_pillow(image, 57, 31), resize_bicubic_pillow(between, 57, 31)));
}

TEST(BicubicPillow, SameSizeIsACopy) {
  const Image image = random_image(5, 9, 3);
  EXPECT_TRUE(same_pixels(resize_bicubic_pillow(image, 5, 9), image));
}

TEST(BicubicPillow, KeepsAConstantImageConstant) {
  Image white{.width = 13, .height = 8, .rgb = std::vector<std::uint8_t>(13 * 8 * 3, 255)};
  for (const std::uint8_t value : resize_bicubic_pillow(white, 31, 5).rgb) EXPECT_EQ(value, 255);
}

TEST(Resize, RefusesSizesThatMakeNoImage) {
  const Image image = random_image(4, 4, 4);
  for (const auto& [height, width] : {std::pair<Index, Index>{0, 5},
                                      {5, -1},
                                      {Index{1} << 20, Index{1} << 20},
                                      {Index{1} << 62, 2}}) {
    EXPECT_THROW(resize_bicubic_pillow(image, height, width), Error);
    EXPECT_THROW(resize_bilinear_opencv(image, height, width), Error);
  }
  EXPECT_THROW(resize_bicubic_pillow(Image{}, 4, 4), Error);
}

TEST(ResizeBicubic, StopsAtEveryRowOfBothPasses) {
  const Image image = random_image(50, 40, 1);
  expect_stops(
      [&](const StopCheck& check) {
        EXPECT_TRUE(resize_bicubic_pillow(image, 20, 30, check).rgb ==
                    resize_bicubic_pillow(image, 20, 30).rgb);
      },
      50 + 20);
}

TEST(Resize, RefusesImagesBeyondTheBounds) {
  for (const auto& [height, width] : {std::pair<Index, Index>(2000, 1), {1, 2000}, {70000, 1100}}) {
    const Image strip{
        .width = width,
        .height = height,
        .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(3 * height * width))};
    EXPECT_THROW(resize_bicubic_pillow(strip, 32, 32), Error);
    EXPECT_THROW(resize_bilinear_opencv(strip, 32, 32), Error);
  }
}

}  // namespace
}  // namespace sapiens
