// JPEGs of the kinds that no file of tests/data is: several scans, restart markers, arithmetic
// codes.
#include <gmock/gmock.h>

#include <array>

#include "encode_jpeg.hpp"
#include "image_files.hpp"
#include "sapiens/error.hpp"
#include "sapiens/image.hpp"

namespace sapiens {
namespace {

using test::encode_jpeg;
using Bytes = std::vector<std::byte>;

/// A scan for each of three components.
std::span<const jpeg_scan_info> single_scans() {
  static constexpr std::array<jpeg_scan_info, 3> kScans = {{{1, {0, 0, 0, 0}, 0, 63, 0, 0},
                                                            {1, {1, 0, 0, 0}, 0, 63, 0, 0},
                                                            {1, {2, 0, 0, 0}, 0, 63, 0, 0}}};
  return kScans;
}

std::string failure_of(const Bytes& bytes, const Image& expected) {
  try {
    return Image::decode(bytes, "x").rgb == expected.rgb ? "" : "other pixels";
  } catch (const Error& error) {
    return error.detail().actual;
  }
}

Image image_to_encode() { return Image::read(image_path("decoded_odd_420_jpg.png")); }

std::vector<std::size_t> markers(const Bytes& bytes, int marker) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    if (bytes[i] == std::byte{0xff} && bytes[i + 1] == static_cast<std::byte>(marker)) {
      places.push_back(i);
    }
  }
  return places;
}

TEST(JpegParts, AScanOfAColourThatIsMissingIsNoticed) {
  const Bytes whole = encode_jpeg(image_to_encode(), [](jpeg_compress_struct& jpeg) {
    jpeg.scan_info = single_scans().data();
    jpeg.num_scans = static_cast<int>(single_scans().size());
  });
  const Image image = Image::decode(whole, "x");
  const std::vector<std::size_t> scans = markers(whole, 0xda);
  ASSERT_EQ(scans.size(), 3u);
  for (std::size_t i = 1; i < scans.size(); ++i) {
    // Simulates a tool that ends a file where it stopped.
    Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(scans[i]));
    EXPECT_EQ(failure_of(cut, image), "the file ends early");
    cut.insert(cut.end(), {std::byte{0xff}, std::byte{0xd9}});
    EXPECT_THAT(failure_of(cut, image), testing::HasSubstr("colours is missing"));
  }
}

TEST(JpegParts, StrayBytesBehindRestartMarkersAreSkippedAndLostIntervalsAreNot) {
  const Bytes whole =
      encode_jpeg(image_to_encode(), [](jpeg_compress_struct& jpeg) { jpeg.restart_interval = 3; });
  const Image image = Image::decode(whole, "x");
  Bytes stray = whole;
  for (const int byte : {1, 0x9c, 0x22, 3, 0xd4, 0x7f, 0x10, 0x11, 0x80, 0xfe, 0x63, 5, 0x91}) {
    stray.insert(stray.end() - 2, static_cast<std::byte>(byte));
  }
  EXPECT_EQ(failure_of(stray, image), "");
  const std::vector<std::size_t> first = markers(whole, 0xd0), second = markers(whole, 0xd1);
  ASSERT_FALSE(first.empty() || second.empty());
  Bytes lost = whole;
  lost.erase(lost.begin() + static_cast<std::ptrdiff_t>(first[0]),
             lost.begin() + static_cast<std::ptrdiff_t>(second[0]));
  EXPECT_NE(failure_of(lost, image), "other pixels");
  EXPECT_NE(failure_of(lost, image), "");
}

TEST(JpegParts, ArithmeticCodesNeedAnEndMarker) {
  const Bytes whole =
      encode_jpeg(image_to_encode(), [](jpeg_compress_struct& jpeg) { jpeg.arith_code = TRUE; });
  Image image;
  try {
    image = Image::decode(whole, "x");
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  const Bytes half(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(whole.size() / 2));
  EXPECT_EQ(failure_of(half, image), "the file ends early");
}

}  // namespace
}  // namespace sapiens
