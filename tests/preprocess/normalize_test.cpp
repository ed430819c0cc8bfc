#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "golden_image.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/error.hpp"
#include "sapiens/npy.hpp"

namespace sapiens {
namespace {

std::vector<float> normalized(const Image& image, PreprocessMode mode) {
  std::vector<float> chw(image.rgb.size());
  normalize(image, mode, {chw.data(), {3, image.height, image.width}});
  return chw;
}

void expect_same_bits(const std::vector<float>& actual, const FloatArray& expected) {
  ASSERT_EQ(actual.size(), expected.values.size());
  EXPECT_EQ(std::memcmp(actual.data(), expected.values.data(), actual.size() * sizeof(float)), 0);
}

TEST(Normalize, FullInputsEqualPyTorchBitForBit) {
  for (const auto& [image, input] :
       {std::pair{"preprocess_full/small.png", "preprocess_full/encoder_sq128_input.npy"},
        std::pair{"preprocess_full/encoder_upsample_image.png",
                  "preprocess_full/encoder_upsample_input.npy"}}) {
    SCOPED_TRACE(image);
    const Image resized = resize_bicubic_pillow(Image::read(golden(image)), 128, 128);
    expect_same_bits(normalized(resized, PreprocessMode::Full), read_npy(golden(input)));
  }
}

// Different bytes become different numbers, so this compares the bytes of the resize as well.
TEST(Normalize, Sapiens2InputsEqualPyTorchBitForBit) {
  for (const std::string name : {"sapiens2_sq128", "sapiens2_rect_128x96"}) {
    SCOPED_TRACE(name);
    const FloatArray expected = read_npy(golden(name + "/input.npy"));  // [1, 3, H, W]
    const Index height = expected.shape[2], width = expected.shape[3];
    std::vector<float> chw(expected.values.size());
    normalize_unit_range(
        resize_bilinear_pillow(Image::read(golden(name + "/image.png")), height, width),
        {chw.data(), {3, height, width}});
    expect_same_bits(chw, expected);
  }
}

TEST(Normalize, LiteInputsEqualPyTorchBitForBit) {
  const Image resized = Image::read(golden("preprocess_lite/seg_96x72_from_small.png"));
  expect_same_bits(normalized(resized, PreprocessMode::Lite),
                   read_npy(golden("preprocess_lite/seg_96x72_normalised.npy")));
}

// A level that comes back as 41.99999 is cut off to 41, as the original would do.
TEST(Normalize, TheWayBackGivesTheImageUpToOneLevel) {
  for (const PreprocessMode mode : {PreprocessMode::Full, PreprocessMode::Lite}) {
    Image image{.width = 32, .height = 8, .rgb = std::vector<std::uint8_t>(32 * 8 * 3)};
    for (std::size_t i = 0; i < image.rgb.size(); ++i) {
      image.rgb[i] = static_cast<std::uint8_t>(i / 3);
    }
    const std::vector<float> chw = normalized(image, mode);
    const Image back = denormalize({chw.data(), {3, 8, 32}}, mode);
    ASSERT_EQ(back.rgb.size(), image.rgb.size());
    for (std::size_t i = 0; i < image.rgb.size(); ++i) {
      EXPECT_LE(back.rgb[i], image.rgb[i]) << i;
      EXPECT_GE(back.rgb[i] + 1, image.rgb[i]) << i;
    }
  }
}

TEST(Normalize, TheWayBackClipsAndTakesNaNAsBlack) {
  const float far = 1e30f, nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> chw = {far, -far, nan};
  EXPECT_EQ(denormalize({chw.data(), {3, 1, 1}}, PreprocessMode::Full).rgb,
            (std::vector<std::uint8_t>{255, 0, 0}));
}

TEST(Normalize, RedIsTheFirstPlane) {
  const Image red{.width = 1, .height = 1, .rgb = {255, 0, 0}};
  const std::vector<float> chw = normalized(red, PreprocessMode::Full);
  EXPECT_GT(chw[0], 2.0f);
  EXPECT_LT(chw[1], -2.0f);
  EXPECT_LT(chw[2], -1.8f);
}

TEST(Normalize, WritesIntoOneImageOfABatchWithoutTouchingItsNeighbours) {
  const Image image{.width = 2, .height = 1, .rgb = {0, 1, 2, 3, 4, 5}};
  std::vector<float> wide(3 * 4, 9.0f);
  const TensorView<float, 3> target(wide.data(), {3, 1, 2}, {4, 4, 1});
  normalize(image, PreprocessMode::Full, target);
  for (int channel = 0; channel < 3; ++channel) {
    EXPECT_LT(wide[channel * 4 + 1], 0.0f);
    EXPECT_EQ(wide[channel * 4 + 2], 9.0f);
    EXPECT_EQ(wide[channel * 4 + 3], 9.0f);
  }
}

TEST(Normalize, RefusesATargetOfAnotherSize) {
  const Image image{.width = 2, .height = 1, .rgb = {0, 1, 2, 3, 4, 5}};
  std::vector<float> chw(6);
  EXPECT_THROW(normalize(image, PreprocessMode::Full, {chw.data(), {3, 2, 1}}), Error);
}

}  // namespace
}  // namespace sapiens
