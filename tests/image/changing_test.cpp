// Images that another program changes while they are read.
#include <gtest/gtest.h>
#include <webp/encode.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "image_files.hpp"
#include "sapiens/error.hpp"
#include "sapiens/file_guard.hpp"
#include "sapiens/image.hpp"
#include "support/changing_file.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

std::filesystem::path webp_of(const Image& image, const Scratch& folder) {
  const int width = static_cast<int>(image.width), height = static_cast<int>(image.height);
  std::uint8_t* bytes = nullptr;
  const std::size_t size =
      WebPEncodeLosslessRGB(image.rgb.data(), width, height, width * 3, &bytes);
  write_bytes(folder / "image.webp", std::string(reinterpret_cast<const char*>(bytes), size));
  WebPFree(bytes);
  return folder / "image.webp";
}

TEST(ChangingImage, IsReadOrRefused) {
  guard_mapped_files();
  const Scratch folder;
  int read = 0, as_it_was = 0, refused = 0;
  for (const std::filesystem::path& path :
       {image_path("odd_420.jpg"), image_path("progressive444.jpg"), image_path("palette.png"),
        image_path("rgba.png"), webp_of(Image::read(image_path("palette.png")), folder)}) {
    SCOPED_TRACE(path);
    const Image original = Image::read(path);
    const ChangingFile file(path, folder / "changing");
    for (int i = 0; i < 200; ++i) {
      try {
        const Image image = Image::read(folder / "changing");
        EXPECT_EQ(image.rgb.size(), static_cast<std::size_t>(3 * image.width * image.height));
        as_it_was += image.rgb == original.rgb;
        ++read;
      } catch (const Error& error) {
        EXPECT_TRUE(error.code() == ErrorCode::CorruptFile ||
                    error.code() == ErrorCode::UnsupportedFormat)
            << error.what();
        ++refused;
      }
    }
  }
  // What is read may be a version that was damaged before, as images have no checksums.
  std::printf("read %d, as it was %d, refused %d\n", read, as_it_was, refused);
  EXPECT_GT(as_it_was, 0);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace sapiens
