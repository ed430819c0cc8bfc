#include <gtest/gtest.h>

#include <cmath>

#include "golden_image.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/error.hpp"
#include "support/stops.hpp"

namespace sapiens {
namespace {

using Kernel = double (*)(double);
using Resize = Image (*)(const Image&, Index, Index, const StopCheck&);

double triangle(double x) { return std::max(0.0, 1 - std::abs(x)); }

double keys_cubic(double x) {
  x = std::abs(x);
  if (x < 1) return 1.5 * x * x * x - 2.5 * x * x + 1;
  if (x < 2) return -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2;
  return 0;
}

// One axis of the definition in double: every input pixel is weighed, none is left out by its
// position. `step` is the distance of neighbours in `in`.
double resample(Kernel kernel, const std::uint8_t* in, Index step, Index in_size, Index out_size,
                Index i) {
  const double scale = static_cast<double>(in_size) / static_cast<double>(out_size);
  const double center = (static_cast<double>(i) + 0.5) * scale;
  double sum = 0, total = 0;
  for (Index k = 0; k < in_size; ++k) {
    const double distance = static_cast<double>(k) + 0.5 - center;
    const double weight = kernel(distance / std::max(scale, 1.0));
    sum += weight * in[k * step];
    total += weight;
  }
  return std::clamp(sum / total, 0.0, 255.0);
}

struct Method {
  const char* name;
  Resize resize;
  Kernel kernel;
};
constexpr Method kMethods[] = {{"bicubic", resize_bicubic_pillow, keys_cubic},
                               {"bilinear", resize_bilinear_pillow, triangle}};

TEST(ResizePillow, EachPassIsTheRoundedDefinition) {
  const Image image = random_image(37, 23, 1);
  for (const auto& [name, resize, kernel] : kMethods) {
    for (const Index size : {1, 2, 7, 22, 24, 36, 38, 64, 111}) {
      SCOPED_TRACE(testing::Message() << name << " " << size);
      const Image wide = resize(image, image.height, size, {});
      const Image tall = resize(image, size, image.width, {});
      for (Index i = 0; i < size; ++i) {
        // Half a step of rounding; 22-bit weights add less than 1e-3.
        const double x = resample(kernel, image.rgb.data() + 1, 3, image.width, size, i);
        EXPECT_NEAR(wide.rgb[i * 3 + 1], x, 0.501);
        const double y =
            resample(kernel, image.rgb.data() + 1, 3 * image.width, image.height, size, i);
        EXPECT_NEAR(tall.rgb[i * image.width * 3 + 1], y, 0.501);
      }
    }
  }
}

TEST(ResizePillow, RoundsToBytesBetweenThePasses) {
  const Image image = random_image(40, 60, 2);
  for (const auto& [name, resize, kernel] : kMethods) {
    SCOPED_TRACE(name);
    const Image between = resize(image, 40, 31, {});
    EXPECT_TRUE(same_pixels(resize(image, 57, 31, {}), resize(between, 57, 31, {})));
  }
}

TEST(ResizePillow, BilinearBeginsWithTheHeightWhereThatLosesMoreThanTwiceAsManyPixels) {
  const auto resize = [](const Image& image, Index height, Index width) {
    return resize_bilinear_pillow(image, height, width);
  };
  const Image image = random_image(60, 40, 2);
  const auto width_first = [&](Index h, Index w) { return resize(resize(image, 60, w), h, w); };
  const auto height_first = [&](Index h, Index w) { return resize(resize(image, h, 40), h, w); };
  // 21 rows and 10 columns less, 20 and 10, more columns, more rows
  EXPECT_TRUE(same_pixels(resize(image, 39, 30), height_first(39, 30)));
  EXPECT_TRUE(same_pixels(resize(image, 40, 30), width_first(40, 30)));
  EXPECT_TRUE(same_pixels(resize(image, 59, 90), height_first(59, 90)));
  EXPECT_TRUE(same_pixels(resize(image, 61, 90), width_first(61, 90)));
  for (const auto& [h, w] : {std::pair<Index, Index>{39, 30}, {40, 30}, {59, 90}, {61, 90}}) {
    EXPECT_FALSE(same_pixels(width_first(h, w), height_first(h, w))) << h << " x " << w;
  }
}

TEST(ResizePillow, SameSizeIsACopy) {
  const Image image = random_image(5, 9, 3);
  for (const auto& [name, resize, kernel] : kMethods) {
    EXPECT_TRUE(same_pixels(resize(image, 5, 9, {}), image)) << name;
  }
}

TEST(ResizePillow, KeepsAConstantImageConstant) {
  Image white{.width = 13, .height = 8, .rgb = std::vector<std::uint8_t>(13 * 8 * 3, 255)};
  for (const auto& [name, resize, kernel] : kMethods) {
    for (const std::uint8_t value : resize(white, 31, 5, {}).rgb) EXPECT_EQ(value, 255) << name;
  }
}

TEST(Resize, RefusesSizesThatMakeNoImage) {
  const Image image = random_image(4, 4, 4);
  for (const auto& [height, width] : {std::pair<Index, Index>{0, 5},
                                      {5, -1},
                                      {Index{1} << 20, Index{1} << 20},
                                      {Index{1} << 62, 2}}) {
    for (const Method& method : kMethods) {
      EXPECT_THROW(method.resize(image, height, width, {}), Error) << method.name;
    }
    EXPECT_THROW(resize_bilinear_opencv(image, height, width), Error);
  }
  EXPECT_THROW(resize_bicubic_pillow(Image{}, 4, 4), Error);
}

TEST(ResizePillow, StopsAtEveryRowOfBothPasses) {
  const Image image = random_image(50, 40, 1);
  for (const auto& [name, resize, kernel] : kMethods) {
    SCOPED_TRACE(name);
    expect_stops(
        [&, resize = resize](const StopCheck& check) {
          EXPECT_TRUE(resize(image, 40, 30, check).rgb == resize(image, 40, 30, {}).rgb);
        },
        50 + 40);
  }
}

TEST(Resize, RefusesImagesBeyondTheBounds) {
  for (const auto& [height, width] : {std::pair<Index, Index>(2000, 1), {1, 2000}, {70000, 1100}}) {
    const Image strip{
        .width = width,
        .height = height,
        .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(3 * height * width))};
    for (const Method& method : kMethods) {
      EXPECT_THROW(method.resize(strip, 32, 32, {}), Error) << method.name;
    }
    EXPECT_THROW(resize_bilinear_opencv(strip, 32, 32), Error);
  }
}

}  // namespace
}  // namespace sapiens
