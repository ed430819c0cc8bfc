#include <gtest/gtest.h>

#include "golden_image.hpp"
#include "preprocess/preprocess.hpp"

// What the original code made of the same images with OpenCV 4.6.0 and Pillow 9.4.0.
namespace sapiens {
namespace {

void expect_golden(const Image& image, const std::string& folder, const std::string& name) {
  SCOPED_TRACE(folder + "/" + name);
  const auto expected = golden_case(folder).at(name);
  EXPECT_EQ(image.height, expected.at("shape").at(0));
  EXPECT_EQ(image.width, expected.at("shape").at(1));
  EXPECT_EQ(bgr_crc32(image), expected.at("crc32").get<std::string>());
  if (expected.contains("file")) {
    EXPECT_TRUE(same_pixels(image, Image::read(golden(folder + "/") / expected.at("file"))));
  }
  for (const auto& part : expected.value("parts", nlohmann::json::array())) {
    SCOPED_TRACE(part.at("file"));
    EXPECT_TRUE(same_pixels(cut(image, part.at("y"), part.at("x"), part.at("h"), part.at("w")),
                            Image::read(golden(folder + "/") / part.at("file"))));
  }
}

Image large() { return Image::read(golden("preprocess_full/large.jpg")); }
Image small() { return Image::read(golden("preprocess_full/small.png")); }

TEST(PreprocessGolden, DecodesTheLargeImageToTheSameBytes) {
  expect_golden(large(), "preprocess_full", "decoded");
}

TEST(PreprocessGolden, FullFeaturesEqualPillowByteForByte) {
  constexpr PreprocessMode kFull = PreprocessMode::Full;
  expect_golden(resize_for_features(large(), 1024, 1024, kFull), "preprocess_full", "feat_1024");
  expect_golden(resize_for_features(large(), 256, 256, kFull), "preprocess_full", "feat_256");
  expect_golden(resize_for_features(small(), 160, 160, kFull), "preprocess_full",
                "feat_160_from_small");
}

TEST(PreprocessGolden, LiteFeaturesEqualOpenCVByteForByte) {
  constexpr PreprocessMode kLite = PreprocessMode::Lite;
  expect_golden(resize_for_features(large(), 1024, 1024, kLite), "preprocess_lite", "feat_1024");
  expect_golden(resize_for_features(large(), 256, 256, kLite), "preprocess_lite", "feat_256");
  expect_golden(resize_for_features(small(), 96, 72, kLite), "preprocess_lite",
                "seg_96x72_from_small");
}

TEST(PreprocessGolden, BilinearOfFiftySizesEqualsPillowByteForByte) {
  std::ifstream file(golden("preprocess_sapiens2/resizes.json"));
  const auto cases = nlohmann::json::parse(file).at("cases");
  ASSERT_EQ(cases.size(), 50u);
  for (const auto& one : cases) {
    SCOPED_TRACE(one.dump());
    const Image image =
        random_image(one.at("before").at(0), one.at("before").at(1), one.at("seed"));
    const Image resized =
        resize_bilinear_pillow(image, one.at("after").at(0), one.at("after").at(1));
    EXPECT_EQ(bgr_crc32(resized), one.at("crc32").get<std::string>());
  }
}

TEST(PreprocessGolden, InputsOfDenseTasksEqualOpenCVByteForByte) {
  expect_golden(resize_bilinear_opencv(large(), 1024, 768), "preprocess_full", "seg_1024x768");
  expect_golden(resize_bilinear_opencv(large(), 256, 192), "preprocess_full", "seg_256x192");
  expect_golden(resize_bilinear_opencv(small(), 160, 120), "preprocess_full",
                "seg_160x120_from_small");
}

}  // namespace
}  // namespace sapiens
