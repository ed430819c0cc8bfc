#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string_view>

#include "picture_files.hpp"
#include "sapiens/error.hpp"
#include "sapiens/image.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

Error error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::Internal, {.summary = "no exception"});
}

Error error_of_decoding(std::span<const std::byte> bytes) {
  return error_of([&] { Image::decode(bytes, "picture"); });
}

// Byte values 0..255 as std::byte, for headers written out below.
std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(ImageDecode, EqualsOpenCVForEveryOddFormat) {
  std::ifstream file(picture("case.json"));
  const auto cases = nlohmann::json::parse(file).at("decoders");
  ASSERT_EQ(cases.size(), 14u);
  for (const auto& [name, expected] : cases.items()) {
    SCOPED_TRACE(name);
    const Image image = Image::read(picture(name));
    EXPECT_EQ(image.height, expected.at("shape").at(0));
    EXPECT_EQ(image.width, expected.at("shape").at(1));
    EXPECT_TRUE(image.rgb == Image::read(picture(expected.at("decoded"))).rgb);
  }
}

TEST(ImageDecode, ReturnsRedFirst) {
  const Image image = Image::read(picture("rgba.png"));
  const cv::Mat bgr = cv::imread(picture("rgba.png").string(), cv::IMREAD_COLOR);
  const auto pixel = bgr.at<cv::Vec3b>(7, 11);
  const auto* rgb = image.rgb.data() + (7 * image.width + 11) * 3;
  EXPECT_EQ(rgb[0], pixel[2]);
  EXPECT_EQ(rgb[1], pixel[1]);
  EXPECT_EQ(rgb[2], pixel[0]);
}

TEST(ImageDecode, ReadsLossyAndLosslessWebP) {
  const cv::Mat bgr = cv::imread(picture("decoded_cmyk_jpg.png").string());
  for (const int quality : {80, 101}) {  // above 100 is lossless
    SCOPED_TRACE(quality);
    std::vector<std::uint8_t> webp;
    ASSERT_TRUE(cv::imencode(".webp", bgr, webp, {cv::IMWRITE_WEBP_QUALITY, quality}));
    const Image image = Image::decode(std::as_bytes(std::span(webp)), "picture.webp");
    EXPECT_EQ(image.width, bgr.cols);
    EXPECT_EQ(image.height, bgr.rows);
    webp.resize(webp.size() - 8);
    EXPECT_EQ(error_of_decoding(std::as_bytes(std::span(webp))).code(), ErrorCode::CorruptFile);
  }
}

TEST(ImageDecode, RefusesAnimatedWebP) {
  const auto webp = bytes_of({'R', 'I', 'F', 'F', 22, 0, 0, 0, 'W', 'E', 'B', 'P', 'V', 'P', '8',
                              'X', 10,  0,   0,   0,  2, 0, 0, 0,   95,  0,   0,   71,  0,   0});
  const Error error = error_of_decoding(webp);
  EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat);
  EXPECT_EQ(error.detail().actual, "an animated WebP");
}

TEST(ImageDecode, NoticesEveryWayAFileCanEndEarly) {
  for (const char* name : {"odd_420.jpg", "progressive444.jpg", "exif6.jpg", "palette.png"}) {
    const std::vector<std::byte> bytes = file_bytes(picture(name));
    for (std::size_t size = 16; size < bytes.size(); size += 61) {
      SCOPED_TRACE(std::string(name) + " cut to " + std::to_string(size));
      const Error error = error_of_decoding(std::span(bytes).first(size));
      EXPECT_EQ(error.code(), ErrorCode::CorruptFile);
      EXPECT_THAT(error.detail().actual, HasSubstr("ends early"));
    }
  }
}

TEST(ImageDecode, IgnoresWhatFollowsTheEndOfAJpeg) {
  std::vector<std::byte> bytes = file_bytes(picture("odd_420.jpg"));
  bytes.insert(bytes.end(), 100, std::byte{7});  // phones append previews and motion pictures
  EXPECT_EQ(Image::decode(bytes, "phone.jpg").rgb, Image::read(picture("odd_420.jpg")).rgb);
}

TEST(ImageDecode, NoticesAFlippedBitInAPng) {
  std::vector<std::byte> bytes = file_bytes(picture("rgba.png"));
  bytes[bytes.size() / 2] ^= std::byte{1};
  const Error error = error_of_decoding(bytes);
  EXPECT_EQ(error.code(), ErrorCode::CorruptFile);
  EXPECT_THAT(error.detail().actual, HasSubstr("checksum"));
}

TEST(ImageDecode, LeavesColourProfilesToNobody) {
  // libpng prints a warning for a broken profile; the chunk must not even reach it.
  std::vector<std::byte> bytes = file_bytes(picture("grey.png"));
  constexpr std::string_view kBrokenProfile("\0\0\0\1iCCP\0\x13\xc6\x7b\x3f", 13);
  constexpr std::size_t kBehindIhdr = 8 + 25;
  const auto* profile = reinterpret_cast<const std::byte*>(kBrokenProfile.data());
  bytes.insert(bytes.begin() + kBehindIhdr, profile, profile + kBrokenProfile.size());
  testing::internal::CaptureStderr();
  const Error error = error_of(
      [&] { EXPECT_EQ(Image::decode(bytes, "x.png").rgb, Image::read(picture("grey.png")).rgb); });
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(error.detail().summary, "no exception") << error.what();
}

TEST(ImageDecode, RefusesABombByItsHeader) {
  std::vector<std::byte> bytes = file_bytes(picture("odd_420.jpg"));
  const auto sof = bytes_of({0xff, 0xc0, 0, 17, 8});
  const auto at = std::search(bytes.begin(), bytes.end(), sof.begin(), sof.end());
  ASSERT_NE(at, bytes.end());
  std::fill(at + 5, at + 9, std::byte{0xff});
  const Error error = error_of_decoding(bytes);
  EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat);
  EXPECT_THAT(error.detail().actual, HasSubstr("65535 x 65535"));
  EXPECT_THAT(error.detail().expected, HasSubstr("268435456"));
}

TEST(ImageDecode, RefusesJpegSegmentsThatMakeNoSense) {
  for (const auto& bytes : {
           bytes_of({0xff, 0xd8, 0xff, 0xd9}),  // nothing between start and end
           bytes_of(
               {0xff, 0xd8, 0xff, 0xe0, 0, 1, 0xff, 0xd9}),  // a length below its own two bytes
           bytes_of({0xff, 0xd8, 0xff, 0xc0, 0, 4, 8, 0, 0xff, 0xd9}),  // half a frame header
       }) {
    EXPECT_EQ(error_of_decoding(bytes).code(), ErrorCode::CorruptFile);
  }
}

TEST(ImageRead, TellsMissingFilesAndFoldersApart) {
  const Error missing = error_of([] { Image::read(picture("nobody.jpg")); });
  EXPECT_EQ(missing.code(), ErrorCode::NotFound);
  EXPECT_THAT(missing.detail().file, HasSubstr("nobody.jpg"));
  const Error folder = error_of([] { Image::read(picture("")); });
  EXPECT_EQ(folder.code(), ErrorCode::UnsupportedFormat);
  EXPECT_THAT(folder.detail().summary, HasSubstr("folder"));
}

}  // namespace
}  // namespace sapiens
