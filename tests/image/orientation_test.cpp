#include <gtest/gtest.h>

#include <numeric>
#include <opencv2/core.hpp>

#include "core/crc32.hpp"
#include "image/image_header.hpp"
#include "image/pixels.hpp"
#include "image_files.hpp"

namespace sapiens {
namespace {

// The orientations as the Exif standard describes them, in OpenCV's operations.
cv::Mat turned(const cv::Mat& stored, int orientation) {
  constexpr int kUpsideDown = 0, kMirrored = 1, kBoth = -1;
  cv::Mat image = stored.clone();
  if (orientation >= 5) cv::transpose(stored, image);
  switch (orientation) {
    case 2:
    case 6:
      cv::flip(image, image, kMirrored);
      break;
    case 3:
    case 7:
      cv::flip(image, image, kBoth);
      break;
    case 4:
    case 8:
      cv::flip(image, image, kUpsideDown);
      break;
    default:
      break;
  }
  return image;
}

// A TIFF structure with one entry in front of the orientation.
std::string tiff(int orientation) {
  using namespace std::string_literals;
  return "II*\0\10\0\0\0\2\0"s + "\17\1\2\0\4\0\0\0abc\0"s + "\22\1\3\0\1\0\0\0"s +
         static_cast<char>(orientation) + "\0\0\0\0\0\0\0"s;
}

TEST(Orientation, TurnsAllEightAsOpenCVDoes) {
  Image stored = make_image(3, 5);
  std::iota(stored.rgb.begin(), stored.rgb.end(), std::uint8_t{1});
  for (int orientation = 1; orientation <= 8; ++orientation) {
    SCOPED_TRACE(orientation);
    const Image image = upright(stored, orientation);
    const cv::Mat expected = turned(as_mat(stored), orientation);
    ASSERT_EQ(image.width, expected.cols);
    ASSERT_EQ(image.height, expected.rows);
    EXPECT_TRUE(std::equal(image.rgb.begin(), image.rgb.end(), expected.data));
  }
}

TEST(Orientation, IsReadInEitherByteOrder) {
  EXPECT_EQ(exif_orientation(as_bytes(tiff(7))), 7);
  using namespace std::string_literals;
  EXPECT_EQ(exif_orientation(as_bytes("MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\6\0\0"s)), 6);
}

TEST(Orientation, DamagedExifDataMeansUpright) {
  const std::string whole = tiff(6);
  for (std::size_t size = 0; size + 8 < whole.size(); ++size) {
    const int orientation = exif_orientation(as_bytes(whole.substr(0, size)));
    EXPECT_EQ(orientation, 1) << size;
  }
  EXPECT_EQ(exif_orientation(as_bytes(tiff(0))), 1);
  EXPECT_EQ(exif_orientation(as_bytes(tiff(9))), 1);
  EXPECT_EQ(exif_orientation(as_bytes("http://ns.adobe.com/xap/1.0/")), 1);
}

TEST(Orientation, IsLookedForInTheFirstApp1SegmentOnlyAsInOpenCV) {
  std::vector<std::byte> bytes = file_bytes(image_path("exif6.jpg"));
  const Image turned = Image::decode(bytes, "turned.jpg");
  const std::vector<std::byte> xmp = as_bytes(std::string("\xff\xe1\0\12http://\0", 12));
  bytes.insert(bytes.begin() + 2, xmp.begin(), xmp.end());
  EXPECT_EQ(upright(Image::decode(bytes, "stored.jpg"), 6).rgb, turned.rgb);
}

TEST(Orientation, IsAppliedToPngs) {
  std::vector<std::byte> bytes = file_bytes(image_path("rgba.png"));
  const Image stored = Image::decode(bytes, "plain.png");
  const std::string data = "eXIf" + tiff(8);
  const std::uint32_t crc = crc32(as_bytes(data));
  std::string chunk = std::string("\0\0\0", 3) + static_cast<char>(data.size() - 4) + data;
  for (int shift = 24; shift >= 0; shift -= 8) chunk += static_cast<char>(crc >> shift);
  constexpr std::size_t kAfterIhdr = 8 + 25;
  const std::vector<std::byte> inserted = as_bytes(chunk);
  bytes.insert(bytes.begin() + kAfterIhdr, inserted.begin(), inserted.end());
  EXPECT_EQ(Image::decode(bytes, "turned.png").rgb, upright(stored, 8).rgb);
}

}  // namespace
}  // namespace sapiens
