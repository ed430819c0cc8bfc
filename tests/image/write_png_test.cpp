#include <gtest/gtest.h>

#include <numeric>

#include "picture_files.hpp"
#include "sapiens/error.hpp"
#include "sapiens/image.hpp"

namespace sapiens {
namespace {

TEST(ImageWritePng, ReadsBackTheSamePixels) {
  Image image{.width = 7, .height = 5, .rgb = std::vector<std::uint8_t>(7 * 5 * 3)};
  std::iota(image.rgb.begin(), image.rgb.end(), std::uint8_t{3});
  const auto path = std::filesystem::path(testing::TempDir()) / "sapiens_write_png_test.png";
  image.write_png(path);
  const Image again = Image::read(path);
  EXPECT_EQ(again.width, 7);
  EXPECT_EQ(again.height, 5);
  EXPECT_EQ(again.rgb, image.rgb);
  std::filesystem::remove(path);
}

TEST(ImageWritePng, RefusesAPictureWhosePixelsDoNotAddUp) {
  const Image half{.width = 4, .height = 4, .rgb = std::vector<std::uint8_t>(24)};
  const Image empty;
  for (const Image& image : {half, empty}) {
    try {
      image.write_png("never.png");
      FAIL() << "no exception";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    }
  }
}

TEST(ImageWritePng, SaysWhenTheFolderDoesNotExist) {
  const Image dot{.width = 1, .height = 1, .rgb = {1, 2, 3}};
  const auto path = std::filesystem::path(testing::TempDir()) / "no such folder" / "x.png";
  try {
    dot.write_png(path);
    FAIL() << "no exception";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::WriteFailed);
  }
}

}  // namespace
}  // namespace sapiens
