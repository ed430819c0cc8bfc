#include <gtest/gtest.h>

#include <numeric>

#include "image_files.hpp"
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

TEST(ImageEncodePng, GivesTheBytesOfTheFile) {
  Image image{.width = 7, .height = 5, .rgb = std::vector<std::uint8_t>(7 * 5 * 3)};
  std::iota(image.rgb.begin(), image.rgb.end(), std::uint8_t{3});
  const auto path = std::filesystem::path(testing::TempDir()) / "sapiens_encode_png_test.png";
  image.write_png(path);
  EXPECT_EQ(image.encode_png(), file_bytes(path));
  std::filesystem::remove(path);
  EXPECT_THROW(Image{}.encode_png(), Error);
}

TEST(MeasureImage, TellsTheSizeOfTheHeader) {
  const Image image{.width = 7, .height = 5, .rgb = std::vector<std::uint8_t>(7 * 5 * 3)};
  const ImageSize size = measure_image(image.encode_png(), "a.png");
  EXPECT_EQ(size.width, 7);
  EXPECT_EQ(size.height, 5);
  EXPECT_EQ(size.pixels(), 35);
}

TEST(MeasureImage, RefusesWhatDecodingRefuses) {
  const Image image{.width = 7, .height = 5, .rgb = std::vector<std::uint8_t>(7 * 5 * 3)};
  std::vector<std::byte> bytes = image.encode_png();
  bytes.resize(bytes.size() - 20);
  EXPECT_THROW(measure_image(bytes, "a.png"), Error);
  EXPECT_THROW(measure_image(as_bytes("text"), "a.txt"), Error);
}

TEST(ImageWritePng, RefusesAnImageWhosePixelsDoNotAddUp) {
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
