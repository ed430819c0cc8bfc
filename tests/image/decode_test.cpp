#include <fmt/format.h>
#include <gmock/gmock.h>
#include <webp/decode.h>
#include <webp/encode.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/crc32.hpp"
#include "image_files.hpp"
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
  return error_of([&] { Image::decode(bytes, "image"); });
}

// Byte values 0..255 as std::byte, for headers written out below.
std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(ImageDecode, EqualsOpenCVForEveryOddFormat) {
  std::ifstream file(image_path("case.json"));
  const auto cases = nlohmann::json::parse(file).at("decoders");
  ASSERT_EQ(cases.size(), 14u);
  for (const auto& [name, expected] : cases.items()) {
    SCOPED_TRACE(name);
    const Image image = Image::read(image_path(name));
    EXPECT_EQ(image.height, expected.at("shape").at(0));
    EXPECT_EQ(image.width, expected.at("shape").at(1));
    EXPECT_TRUE(image.rgb == Image::read(image_path(expected.at("decoded"))).rgb);
  }
}

TEST(ImageDecode, ReturnsRedFirst) {
  std::ifstream file(image_path("case.json"));
  const std::string expected = nlohmann::json::parse(file).at("decoded").at("crc32");  // of BGR
  Image image = Image::read(image_path("large.jpg"));
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) std::swap(image.rgb[i], image.rgb[i + 2]);
  EXPECT_EQ(fmt::format("{:08x}", crc32(std::as_bytes(std::span(image.rgb)))), expected);
}

struct WebPBuffer {
  std::uint8_t* data = nullptr;
  std::size_t size = 0;

  WebPBuffer() = default;
  WebPBuffer(const WebPBuffer&) = delete;
  WebPBuffer& operator=(const WebPBuffer&) = delete;
  ~WebPBuffer() { WebPFree(data); }
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(data, size)); }
};

TEST(ImageDecode, ReadsLosslessWebP) {
  const Image original = Image::read(image_path("decoded_cmyk_jpg.png"));
  const int width = static_cast<int>(original.width), height = static_cast<int>(original.height);
  WebPBuffer webp;
  webp.size = WebPEncodeLosslessRGB(original.rgb.data(), width, height, width * 3, &webp.data);
  const Image image = Image::decode(webp.bytes(), "image.webp");
  EXPECT_EQ(image.width, original.width);
  EXPECT_EQ(image.rgb, original.rgb);
}

TEST(ImageDecode, ReadsLossyWebPAndDropsItsAlpha) {
  constexpr int kWidth = 37, kHeight = 23;
  std::vector<std::uint8_t> rgba(kWidth * kHeight * 4);
  for (std::size_t i = 0; i < rgba.size(); ++i) rgba[i] = static_cast<std::uint8_t>(i * i / 64);
  WebPBuffer webp;
  webp.size = WebPEncodeRGBA(rgba.data(), kWidth, kHeight, kWidth * 4, 80, &webp.data);
  const Image image = Image::decode(webp.bytes(), "image.webp");

  WebPBuffer expected;
  int width = 0, height = 0;
  expected.data = WebPDecodeRGBA(webp.data, webp.size, &width, &height);
  ASSERT_NE(expected.data, nullptr);
  EXPECT_EQ(image.width, width);
  EXPECT_EQ(image.height, height);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    ASSERT_EQ(image.rgb[i], expected.data[i / 3 * 4 + i % 3]) << i;
  }
}

TEST(ImageDecode, NoticesAWebPThatEndsEarlyOrIsDamaged) {
  const Image original = Image::read(image_path("decoded_cmyk_jpg.png"));
  const int width = static_cast<int>(original.width), height = static_cast<int>(original.height);
  WebPBuffer webp;
  webp.size = WebPEncodeRGB(original.rgb.data(), width, height, width * 3, 80, &webp.data);
  std::vector<std::byte> bytes(webp.bytes().begin(), webp.bytes().end());
  EXPECT_EQ(error_of_decoding(std::span(bytes).first(bytes.size() - 8)).code(),
            ErrorCode::CorruptFile);
  constexpr std::size_t kFirstPartition = 30;
  std::fill_n(bytes.begin() + kFirstPartition, 40, std::byte{0xff});
  EXPECT_EQ(error_of_decoding(bytes).code(), ErrorCode::CorruptFile);
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
    const std::vector<std::byte> bytes = file_bytes(image_path(name));
    for (std::size_t size = 16; size < bytes.size(); size += 61) {
      SCOPED_TRACE(std::string(name) + " cut to " + std::to_string(size));
      const Error error = error_of_decoding(std::span(bytes).first(size));
      EXPECT_EQ(error.code(), ErrorCode::CorruptFile);
      EXPECT_THAT(error.detail().actual, HasSubstr("ends early"));
    }
  }
}

TEST(ImageDecode, IgnoresWhatFollowsTheEndOfAJpeg) {
  std::vector<std::byte> bytes = file_bytes(image_path("odd_420.jpg"));
  bytes.insert(bytes.end(), 100, std::byte{7});  // phones append previews and motion images
  EXPECT_EQ(Image::decode(bytes, "phone.jpg").rgb, Image::read(image_path("odd_420.jpg")).rgb);
}

TEST(ImageDecode, NoticesAFlippedBitInAPng) {
  std::vector<std::byte> bytes = file_bytes(image_path("rgba.png"));
  bytes[bytes.size() / 2] ^= std::byte{1};
  const Error error = error_of_decoding(bytes);
  EXPECT_EQ(error.code(), ErrorCode::CorruptFile);
  EXPECT_THAT(error.detail().actual, HasSubstr("checksum"));
}

TEST(ImageDecode, IgnoresColourProfiles) {
  // libpng prints a warning for a broken profile; the chunk must not even reach it.
  std::vector<std::byte> bytes = file_bytes(image_path("grey.png"));
  constexpr std::string_view kBrokenProfile("\0\0\0\1iCCP\0\x13\xc6\x7b\x3f", 13);
  constexpr std::size_t kAfterIhdr = 8 + 25;
  const auto* profile = reinterpret_cast<const std::byte*>(kBrokenProfile.data());
  bytes.insert(bytes.begin() + kAfterIhdr, profile, profile + kBrokenProfile.size());
  testing::internal::CaptureStderr();
  const Error error = error_of([&] {
    EXPECT_EQ(Image::decode(bytes, "x.png").rgb, Image::read(image_path("grey.png")).rgb);
  });
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(error.detail().summary, "no exception") << error.what();
}

// Where the entropy-coded data of a JPEG's first scan begins.
std::size_t first_scan(const std::vector<std::byte>& jpeg) {
  const auto sos = bytes_of({0xff, 0xda});
  const auto at = std::search(jpeg.begin(), jpeg.end(), sos.begin(), sos.end());
  return static_cast<std::size_t>(at - jpeg.begin()) + 2 + std::to_integer<std::size_t>(at[3]);
}

TEST(ImageDecode, ReportsDamageInsideAJpegInsteadOfPrintingIt) {
  // No Huffman code is all ones (FF 00 stands for a byte FF), so a scan may not end in the middle
  // of one.
  const auto no_code = bytes_of({0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0});
  const auto end = bytes_of({0xff, 0xd9});
  for (const char* name : {"odd_420.jpg", "progressive444.jpg", "cmyk.jpg", "grey.jpg"}) {
    for (const auto& damage : {no_code, end}) {
      SCOPED_TRACE(fmt::format("{} with {} bytes", name, damage.size()));
      std::vector<std::byte> bytes = file_bytes(image_path(name));
      std::copy(damage.begin(), damage.end(), bytes.begin() + first_scan(bytes) + 20);
      testing::internal::CaptureStderr();
      const Error error = error_of_decoding(bytes);
      EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
      EXPECT_EQ(error.code(), ErrorCode::CorruptFile);
      EXPECT_THAT(error.detail().actual, HasSubstr("Corrupt JPEG data"));
    }
  }
}

TEST(ImageDecode, AcceptsEqualBytesBehindAScan) {
  const std::vector<std::byte> whole = file_bytes(image_path("odd_420.jpg"));
  const Image image = Image::decode(whole, "camera.jpg");
  // The decoder reads up to 8 bytes ahead and does not count those as left over.
  for (const int count : {1, 4, 7, 8, 9, 10, 11, 12, 64}) {
    SCOPED_TRACE(count);
    std::vector<std::byte> padded = whole;
    padded.insert(padded.end() - 2, count, std::byte{0});
    EXPECT_EQ(Image::decode(padded, "camera.jpg").rgb, image.rgb);
  }
}

TEST(ImageDecode, NoticesDamageBehindAPngsChecksums) {
  // The file's checksums are right, so this one was written wrongly.
  std::vector<std::byte> bytes = file_bytes(image_path("rgba.png"));
  const auto type = bytes_of({'I', 'D', 'A', 'T'});
  const auto idat = std::search(bytes.begin(), bytes.end(), type.begin(), type.end());
  const std::size_t length =
      std::to_integer<std::size_t>(idat[-2]) << 8 | std::to_integer<std::size_t>(idat[-1]);
  std::fill_n(idat + 40, 20, std::byte{0xff});
  const std::uint32_t crc = crc32(std::span(&*idat, 4 + length));
  for (int i = 0; i < 4; ++i) {
    idat[static_cast<std::ptrdiff_t>(4 + length) + i] = static_cast<std::byte>(crc >> (24 - 8 * i));
  }
  const Error error = error_of_decoding(bytes);
  EXPECT_EQ(error.code(), ErrorCode::CorruptFile);
  EXPECT_THAT(error.detail().actual, testing::Not(HasSubstr("checksum")));
}

TEST(ImageDecode, RefusesRareKindsOfJpegAsUnsupported) {
  std::vector<std::byte> bytes = file_bytes(image_path("odd_420.jpg"));
  const auto sof = bytes_of({0xff, 0xc0, 0, 17, 8});
  const auto at = std::search(bytes.begin(), bytes.end(), sof.begin(), sof.end());
  at[1] = std::byte{0xc3};  // lossless
  const Error error = error_of_decoding(bytes);
  EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat);
  EXPECT_THAT(error.detail().actual, HasSubstr("Unsupported JPEG process"));
  EXPECT_FALSE(error.detail().hint.empty());
}

TEST(ImageDecode, RefusesAJpegThatHidesASecondSize) {
  // FF 00 is a segment by its form, and nothing at all to libjpeg, which looks into it.
  std::vector<std::byte> bytes = file_bytes(image_path("odd_420.jpg"));
  auto hidden = bytes_of({0xff, 0x00, 0, 21});
  const auto frame =
      bytes_of({0xff, 0xc0, 0, 17, 8, 9, 9, 9, 9, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1});
  hidden.insert(hidden.end(), frame.begin(), frame.end());
  bytes.insert(bytes.begin() + 2, hidden.begin(), hidden.end());
  EXPECT_EQ(error_of_decoding(bytes).code(), ErrorCode::CorruptFile);
}

TEST(ImageDecode, RefusesAJpegOfThousandsOfScans) {
  std::vector<std::byte> bytes = file_bytes(image_path("odd_420.jpg"));
  const auto scan = bytes_of({0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x55});
  for (int i = 0; i < 1000; ++i) bytes.insert(bytes.end() - 2, scan.begin(), scan.end());
  EXPECT_EQ(error_of_decoding(bytes).code(), ErrorCode::UnsupportedFormat);
}

TEST(ImageDecode, RefusesABombByItsHeader) {
  std::vector<std::byte> bytes = file_bytes(image_path("odd_420.jpg"));
  const auto sof = bytes_of({0xff, 0xc0, 0, 17, 8});
  const auto at = std::search(bytes.begin(), bytes.end(), sof.begin(), sof.end());
  ASSERT_NE(at, bytes.end());
  std::fill(at + 5, at + 9, std::byte{0xff});
  const Error error = error_of_decoding(bytes);
  EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat);
  EXPECT_THAT(error.detail().actual, HasSubstr("65535 x 65535"));
  EXPECT_THAT(error.detail().expected, HasSubstr("268435456"));
}

TEST(ImageDecode, RefusesInvalidJpegSegments) {
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
  const Error missing = error_of([] { Image::read(image_path("nobody.jpg")); });
  EXPECT_EQ(missing.code(), ErrorCode::NotFound);
  EXPECT_THAT(missing.detail().file, HasSubstr("nobody.jpg"));
  const Error folder = error_of([] { Image::read(image_path("")); });
  EXPECT_EQ(folder.code(), ErrorCode::UnsupportedFormat);
  EXPECT_THAT(folder.detail().summary, HasSubstr("folder"));
}

}  // namespace
}  // namespace sapiens
