// Images that another program changes while they are read.
#include <gtest/gtest.h>

#include "image_files.hpp"
#include "sapiens/error.hpp"
#include "sapiens/file_guard.hpp"
#include "sapiens/image.hpp"
#include "support/changing_file.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

TEST(ChangingImage, IsReadOrRefused) {
  guard_mapped_files();
  const Scratch folder;
  for (const char* const name : {"odd_420.jpg", "progressive444.jpg", "palette.png", "rgba.png"}) {
    SCOPED_TRACE(name);
    const ChangingFile file(image_path(name), folder / "changing");
    for (int i = 0; i < 200; ++i) {
      try {
        const Image image = Image::read(folder / "changing");
        EXPECT_EQ(image.rgb.size(), static_cast<std::size_t>(3 * image.width * image.height));
      } catch (const Error& error) {
        EXPECT_FALSE(error.detail().summary.empty());
      }
    }
  }
}

}  // namespace
}  // namespace sapiens
