#include <gtest/gtest.h>

#include <vector>

#include "golden_image.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

Image plain(Index width, Index height, std::uint8_t value) {
  return {.width = width,
          .height = height,
          .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * 3), value)};
}

std::uint8_t pixel(const Image& image, Index y, Index x) {
  return image.rgb[static_cast<std::size_t>((y * image.width + x) * 3)];
}

TEST(Letterbox, EqualsTheOriginalsByteForByte) {
  const nlohmann::json facts = golden_case("rtmdet");
  const Letterbox box = letterbox(Image::read(golden("rtmdet/image.jpg")), 640);
  EXPECT_EQ(bgr_crc32(box.square), facts.at("letterboxed").at("crc32").get<std::string>());
  EXPECT_FLOAT_EQ(box.scale_x, facts.at("scale_factor").at(0));
  EXPECT_FLOAT_EQ(box.scale_y, facts.at("scale_factor").at(1));
}

TEST(Letterbox, EnlargesSmallImages) {
  const Letterbox box = letterbox(plain(2, 1, 7), 640);
  EXPECT_EQ(box.scale_x, 320);
  EXPECT_EQ(box.scale_y, 320);
  EXPECT_EQ(pixel(box.square, 319, 639), 7);
  EXPECT_EQ(pixel(box.square, 320, 0), 114);
}

TEST(Letterbox, KeepsARowOfAnImageThatWouldVanish) {
  const Letterbox box = letterbox(plain(1000, 1, 7), 64);
  EXPECT_FLOAT_EQ(box.scale_x, 0.064f);
  EXPECT_FLOAT_EQ(box.scale_y, 1.0f);
  EXPECT_EQ(pixel(box.square, 0, 63), 7);
  EXPECT_EQ(pixel(box.square, 1, 0), 114);
}

TEST(Letterbox, RefusesAnInvalidImage) {
  EXPECT_THROW(letterbox({}, 640), Error);
  EXPECT_THROW(letterbox({.width = 5, .height = 5, .rgb = {}}, 640), Error);
}

TEST(NormalizeForDetector, PutsBlueFirst) {
  const Image image{.width = 1, .height = 1, .rgb = {124, 116, 0}};
  std::vector<float> row(3);
  normalize_for_detector(image, {row.data(), {1, 3}});
  EXPECT_EQ(row[0], (0 - 103.53f) / 57.375f);
  EXPECT_EQ(row[1], (116 - 116.28f) / 57.12f);
  EXPECT_EQ(row[2], (124 - 123.675f) / 58.395f);
}

}  // namespace
}  // namespace sapiens
