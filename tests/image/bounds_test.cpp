#include <gmock/gmock.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/crc32.hpp"
#include "image/pixels.hpp"
#include "image_files.hpp"
#include "sapiens/error.hpp"
#include "sapiens/image.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
  return bytes;
}

std::string chunk(const std::string& kind, const std::string& content) {
  const auto crc = crc32(as_bytes(kind + content));
  return big_endian(static_cast<std::uint32_t>(content.size())) + kind + content + big_endian(crc);
}

/// The head of a PNG, which is all that is looked at of one that is refused.
std::vector<std::byte> png_of_size(std::uint32_t width, std::uint32_t height) {
  return as_bytes(
      "\x89PNG\r\n\x1a\n" +
      chunk("IHDR", big_endian(width) + big_endian(height) + std::string("\x8\x2\0\0\0", 5)) +
      chunk("IDAT", "x") + chunk("IEND", ""));
}

TEST(ImageBounds, AreThoseThatTheHeaderStates) {
  EXPECT_EQ(broken_image_bound(1, 1), "");
  EXPECT_EQ(broken_image_bound(16384, 16384), "");
  EXPECT_EQ(broken_image_bound(1, 1024), "");
  EXPECT_EQ(broken_image_bound(1024, 1), "");
  EXPECT_EQ(broken_image_bound(100, 6400), "");
  EXPECT_EQ(broken_image_bound(65500, 1024), "");
  EXPECT_THAT(broken_image_bound(16384, 16385), HasSubstr("268435456 pixels"));
  EXPECT_THAT(broken_image_bound(65501, 2000), HasSubstr("65500 pixels a side"));
  EXPECT_THAT(broken_image_bound(2000, 65501), HasSubstr("65500 pixels a side"));
  EXPECT_THAT(broken_image_bound(1, 1025), HasSubstr("64 times"));
  EXPECT_THAT(broken_image_bound(6401, 100), HasSubstr("64 times"));
  EXPECT_THAT(broken_image_bound(1, 4000000), HasSubstr("65500 pixels a side"));
  EXPECT_NE(broken_image_bound(0x7fffffff, 0x7fffffff), "");
}

TEST(ImageBounds, RefuseFilesBeforeTheyAreDecoded) {
  for (const auto& [width, height] :
       {std::pair(1u, 4000000u), std::pair(4000000u, 1u), std::pair(1u, 2000u),
        std::pair(70000u, 2000u), std::pair(100000u, 100000u)}) {
    const std::vector<std::byte> png = png_of_size(width, height);
    for (const bool measure : {true, false}) {
      try {
        measure ? (void)measure_image(png, "a.png") : (void)Image::decode(png, "a.png");
        ADD_FAILURE() << width << " x " << height;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat);
        EXPECT_EQ(error.detail().file, "a.png");
        EXPECT_THAT(error.detail().actual, HasSubstr(std::to_string(height)));
      }
    }
  }
  EXPECT_EQ(measure_image(png_of_size(1, 1000), "a.png").height, 1000);
}

TEST(ImageBounds, RefuseFilesThatAreLargerThanAnyImage) {
  const Scratch folder;
  const std::string path = folder / "padded.png";
  std::filesystem::copy_file(image_path("grey.png"), path);
  EXPECT_GT(Image::read(path).width, 0);
  std::filesystem::resize_file(path, (std::uintmax_t{1} << 30) + 1);
  try {
    Image::read(path);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat);
    EXPECT_EQ(error.detail().summary, "the image file is too large");
  }
}

TEST(ImageBounds, RefuseImagesThatCallersMake) {
  const Image strip{.width = 1, .height = 2000, .rgb = std::vector<std::uint8_t>(6000)};
  try {
    expect_image_bounds("the image", strip);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_THAT(error.detail().actual, HasSubstr("1 x 2000"));
  }
}

}  // namespace
}  // namespace sapiens
