
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "golden_image.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/boxes.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// What the original code, with OpenCV 4.6.0, made of the same image.
class PersonCropGolden : public testing::TestWithParam<const char*> {
 protected:
  const nlohmann::json facts = golden_case("preprocess_full");

  Box box() const {
    const auto corners = facts.at("pose").at("boxes_xyxy").at(GetParam()).get<std::vector<float>>();
    return {.x = corners[0],
            .y = corners[1],
            .width = corners[2] - corners[0],
            .height = corners[3] - corners[1]};
  }
};

TEST_P(PersonCropGolden, CutsTheSamePartOfTheImage) {
  const auto& expected = facts.at("pose_" + std::string(GetParam()) + "_1024x768");
  const PersonCrop crop = crop_of_box(box(), {1024, 768});
  EXPECT_FLOAT_EQ(crop.center_x, expected.at("bbox_center")[0][0].get<float>());
  EXPECT_FLOAT_EQ(crop.center_y, expected.at("bbox_center")[0][1].get<float>());
  EXPECT_FLOAT_EQ(crop.width, expected.at("bbox_scale")[0][0].get<float>());
  EXPECT_FLOAT_EQ(crop.height, expected.at("bbox_scale")[0][1].get<float>());
}

TEST_P(PersonCropGolden, WarpsItByteForByte) {
  const Image image = Image::read(golden("preprocess_full/large.jpg"));
  for (const Grid input : {Grid{1024, 768}, Grid{128, 96}}) {
    const std::string name = "pose_" + std::string(GetParam()) + "_" +
                             std::to_string(input.height) + "x" + std::to_string(input.width);
    SCOPED_TRACE(name);
    const Image warped = warp_person(image, crop_of_box(box(), input), input);
    EXPECT_EQ(bgr_crc32(warped), facts.at(name).at("crc32").get<std::string>());
    EXPECT_TRUE(same_pixels(crop_person(image, box(), input.height, input.width), warped));
    if (facts.at(name).contains("file")) {
      EXPECT_TRUE(same_pixels(warped, Image::read(golden("preprocess_full/" + name + ".png"))));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Boxes, PersonCropGolden, testing::Values("partly_outside", "tall", "wide"),
                         [](const auto& box) { return std::string(box.param); });

TEST(PersonCrop, KeepsTheAspectRatioOfTheInputAndAMarginOfAQuarter) {
  const PersonCrop tall = crop_of_box({.x = 10, .y = 20, .width = 30, .height = 80}, {1024, 768});
  EXPECT_FLOAT_EQ(tall.height, 100);
  EXPECT_FLOAT_EQ(tall.width, 75);
  EXPECT_FLOAT_EQ(tall.center_x, 25);
  EXPECT_FLOAT_EQ(tall.center_y, 60);
  const PersonCrop wide = crop_of_box({.width = 60, .height = 8}, {1024, 768});
  EXPECT_FLOAT_EQ(wide.width, 75);
  EXPECT_FLOAT_EQ(wide.height, 100);
}

TEST(PersonCrop, WholeImageIsTheBoxFromCornerToCorner) {
  const Box box = full_image_box({.width = 150, .height = 100, .rgb = {}});
  EXPECT_EQ(box.x, 0);
  EXPECT_EQ(box.y, 0);
  EXPECT_EQ(box.width, 150);
  EXPECT_EQ(box.height, 100);
  EXPECT_EQ(box.score, 1);
}

TEST(PersonCrop, RefusesInvalidBoxes) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const Box& box : {Box{0, 0, 0, 10}, Box{0, 0, 10, -1}, Box{kNan, 0, 10, 10},
                         Box{0, 0, kInfinity, 10}, Box{0, -1e30f, 10, 10}, Box{0, 0, kNan, 10}}) {
    EXPECT_THROW(crop_of_box(box, {1024, 768}), Error);
  }
}

TEST(PersonCrop, RefusesImagesThatOpenCVCannotWarp) {
  const Image strip{.width = 32767, .height = 1, .rgb = std::vector<std::uint8_t>(32767 * 3)};
  const PersonCrop crop = crop_of_box({.width = 5, .height = 5}, {8, 6});
  EXPECT_THROW(warp_person(strip, crop, {8, 6}), Error);
}

TEST(PersonCrop, FarthestBoxesGiveBlackInputs) {
  const Image white{.width = 4, .height = 4, .rgb = std::vector<std::uint8_t>(48, 255)};
  constexpr float kFar = 1 << 18;
  for (const Box& box : {Box{-kFar, -kFar, 100, 100}, Box{kFar - 100, kFar - 100, 100, 100}}) {
    for (const std::uint8_t value : warp_person(white, crop_of_box(box, {16, 12}), {16, 12}).rgb) {
      ASSERT_EQ(value, 0);
    }
  }
}

TEST(PersonCrop, MirroringSwapsColumnsOfEveryChannel) {
  std::vector<float> values(2 * 2 * 3);
  std::iota(values.begin(), values.end(), 0.0f);
  mirror_columns({values.data(), {2, 2, 3}});
  EXPECT_EQ(values, (std::vector<float>{2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9}));
}

}  // namespace
}  // namespace sapiens
