// Files that are damaged or cut off where no pixel depends on it, and a little further.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <webp/encode.h>

#include <algorithm>
#include <string_view>

#include "core/crc32.hpp"
#include "image_files.hpp"
#include "sapiens/error.hpp"
#include "sapiens/image.hpp"

namespace sapiens {
namespace {

using namespace std::string_view_literals;
using Bytes = std::vector<std::byte>;

constexpr const char* kJpegs[] = {"odd_420.jpg", "grey.jpg", "cmyk.jpg", "progressive444.jpg"};

Bytes bytes_of(std::string_view text) { return as_bytes(std::string(text)); }

Bytes with(Bytes bytes, std::size_t at, const Bytes& more) {
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), more.begin(), more.end());
  return bytes;
}

Bytes first_of(const Bytes& bytes, std::size_t count) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)};
}

std::size_t find(const Bytes& bytes, std::string_view text, std::size_t from = 0) {
  const Bytes wanted = bytes_of(text);
  const auto at = std::search(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(),
                              wanted.begin(), wanted.end());
  return static_cast<std::size_t>(at - bytes.begin());
}

/// What is wrong with a file; empty for one that decodes to these pixels.
std::string complaint(const Bytes& bytes, const Image& expected) {
  try {
    return Image::decode(bytes, "x").rgb == expected.rgb ? "" : "other pixels";
  } catch (const Error& error) {
    return error.detail().actual;
  }
}

struct Segment {
  std::size_t at;
  bool behind_scan;
};

/// Where the segments of a JPEG begin, from the first behind its start marker to its end marker.
std::vector<Segment> segments_of(const Bytes& jpeg) {
  const auto value = [&](std::size_t at) { return std::to_integer<std::size_t>(jpeg[at]); };
  std::vector<Segment> segments;
  bool scan = false;
  for (std::size_t at = 2;;) {
    segments.push_back({at, scan});
    const std::size_t marker = value(at + 1);
    if (marker == 0xd9) return segments;
    scan = marker == 0xda;
    at += 2 + (value(at + 2) << 8 | value(at + 3));
    while (value(at) != 0xff || (scan && (value(at + 1) == 0 || (value(at + 1) & 0xf8) == 0xd0))) {
      ++at;
    }
  }
}

TEST(HarmlessDamage, BytesBetweenSegmentsOfAJpegAreSkipped) {
  for (const char* name : kJpegs) {
    const Bytes whole = file_bytes(image_path(name));
    const Image image = Image::decode(whole, name);
    for (const Segment& segment : segments_of(whole)) {
      if (segment.behind_scan) continue;
      SCOPED_TRACE(fmt::format("{} at {}", name, segment.at));
      for (const std::string_view stray : {"\0"sv, "\x17\x03\xc0\0\0\x2a"sv, "\xff\0\xff\0"sv,
                                           "left here by a camera"sv, "\xff\xff\xff"sv}) {
        EXPECT_EQ(complaint(with(whole, segment.at, bytes_of(stray)), image), "");
      }
    }
  }
}

TEST(HarmlessDamage, BytesAfterTheLastScanOfAJpegAreSkipped) {
  for (const char* name : kJpegs) {
    const Bytes whole = file_bytes(image_path(name));
    const Image image = Image::decode(whole, name);
    const std::size_t end = segments_of(whole).back().at;
    EXPECT_EQ(complaint(with(whole, end, bytes_of("left by a tool")), image), "") << name;
    EXPECT_EQ(complaint(with(whole, end, Bytes(300, std::byte{0x55})), image), "") << name;
    if (std::string_view(name).starts_with("progressive")) continue;
    const Bytes mix = bytes_of("\x01\x9c\x22\x03\xd4\x7f\x10\x11\x80\xfe\x63\x05\x91\x40\x08"sv);
    EXPECT_EQ(complaint(with(whole, end, mix), image), "") << name;
  }
}

TEST(HarmlessDamage, BlocksThatAreLeftOverAreNot) {
  // A scan that says less than it holds: as if damage had made some blocks into longer ones.
  for (const char* name : {"odd_420.jpg", "grey.jpg"}) {
    Bytes bytes = file_bytes(image_path(name));
    const std::size_t height = find(bytes, "\xff\xc0\0"sv) + 5;
    bytes[height] = std::byte{0};
    bytes[height + 1] = std::byte{16};
    try {
      Image::decode(bytes, name);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::CorruptFile);
    }
  }
}

TEST(HarmlessDamage, AMissingEndMarkerOfAJpegIsNone) {
  for (const char* name : kJpegs) {
    SCOPED_TRACE(name);
    const Bytes whole = file_bytes(image_path(name));
    const Image image = Image::decode(whole, name);
    const std::vector<Segment> segments = segments_of(whole);
    const std::size_t end = segments.back().at;
    EXPECT_EQ(complaint(first_of(whole, end), image), "");
    EXPECT_EQ(complaint(first_of(whole, end + 1), image), "");
    EXPECT_EQ(complaint(first_of(whole, end - 3), image), "the file ends early");
    for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
      // Also where a scan ends and others should follow.
      EXPECT_NE(complaint(first_of(whole, segments[i].at), image), "") << segments[i].at;
    }
  }
}

TEST(HarmlessDamage, OddHeadersOfAJpegAreNone) {
  Bytes bytes = file_bytes(image_path("odd_420.jpg"));
  const Image image = Image::decode(bytes, "x");
  const std::size_t jfif = find(bytes, "JFIF");
  ASSERT_LT(jfif, bytes.size());
  bytes[jfif + 5] = std::byte{9};  // a version that never was
  EXPECT_EQ(complaint(bytes, image), "");
}

TEST(JpegScans, AreBoundedByThePixelsThatTheyCost) {
  // The header alone is looked at: 40 scans of 4096 x 4096, 20 of them, 40 of few pixels.
  const auto scans_of = [](int count, const char* size) {
    Bytes bytes = file_bytes(image_path("odd_420.jpg"));
    const std::size_t frame = find(bytes, "\xff\xc0\0"sv);
    const Bytes dimensions = bytes_of(std::string_view(size, 4));
    std::copy(dimensions.begin(), dimensions.end(),
              bytes.begin() + static_cast<std::ptrdiff_t>(frame) + 5);
    const Bytes scan = bytes_of("\xff\xda\0\x08\x01\x01\0\0\x3f\0\x55"sv);
    for (int i = 1; i < count; ++i) bytes = with(std::move(bytes), bytes.size() - 2, scan);
    return bytes;
  };
  try {
    measure_image(scans_of(40, "\x10\0\x10\0"), "x");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat);
    EXPECT_EQ(error.detail().actual, "a JPEG of 40 scans for 16777216 pixels");
  }
  EXPECT_EQ(measure_image(scans_of(20, "\x10\0\x10\0"), "x").width, 4096);
  EXPECT_EQ(measure_image(scans_of(40, "\x01\0\x01\0"), "x").width, 256);
}

Bytes png_chunk(std::string_view type, std::string_view data, std::uint32_t damage = 0) {
  const auto number = [](std::uint32_t value) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xff);
    return text;
  };
  const std::string checked = std::string(type) + std::string(data);
  const std::uint32_t crc = crc32(std::as_bytes(std::span(checked))) ^ damage;
  return as_bytes(number(static_cast<std::uint32_t>(data.size())) + checked + number(crc));
}

constexpr std::size_t kBehindIhdr = 8 + 25;
constexpr std::size_t kIend = 12;

TEST(HarmlessDamage, DamageInChunksThatNoPixelNeedsIsSkipped) {
  for (const char* name : {"rgba.png", "palette.png", "grey16.png"}) {
    const Bytes whole = file_bytes(image_path(name));
    const Image image = Image::decode(whole, name);
    for (const auto& [type, data] :
         {std::pair{"tEXt"sv, "Comment\0x"sv}, std::pair{"gAMA"sv, "\0\0\0\x01"sv},
          std::pair{"eXIf"sv, "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"sv},
          std::pair{"tIME"sv, "no time"sv}}) {
      EXPECT_EQ(complaint(with(whole, kBehindIhdr, png_chunk(type, data, 1)), image), "") << type;
    }
    EXPECT_EQ(complaint(with(whole, kBehindIhdr, png_chunk("teSt", "x")), image), "");
  }
}

TEST(HarmlessDamage, DamageInChunksThatPixelsNeedIsRefused) {
  const Bytes whole = file_bytes(image_path("palette.png"));
  for (const std::string_view type : {"IHDR"sv, "PLTE"sv, "IDAT"sv}) {
    Bytes bytes = whole;
    bytes[find(bytes, type) + 5] ^= std::byte{1};
    EXPECT_THAT(complaint(bytes, {}), testing::HasSubstr("checksum")) << type;
  }
}

TEST(HarmlessDamage, AMissingEndOfAPngIsNone) {
  for (const char* name : {"rgba.png", "palette.png", "grey16.png"}) {
    SCOPED_TRACE(name);
    const Bytes whole = file_bytes(image_path(name));
    const Image image = Image::decode(whole, name);
    for (std::size_t cut = 1; cut <= kIend; ++cut) {
      EXPECT_EQ(complaint(first_of(whole, whole.size() - cut), image), "") << cut;
    }
    Bytes wrong_end = whole;
    wrong_end.back() ^= std::byte{1};
    EXPECT_EQ(complaint(wrong_end, image), "");
    const Bytes text = with(whole, whole.size() - kIend, png_chunk("tEXt", "Comment at the end"));
    EXPECT_EQ(complaint(first_of(text, text.size() - kIend - 7), image), "");
    EXPECT_EQ(complaint(first_of(whole, whole.size() - kIend - 1), image), "the file ends early");
  }
}

TEST(HarmlessDamage, AMissingPartOfTheRowsOfAPngIsNot) {
  // The pixels in two chunks, the second of which is lost.
  const Bytes whole = file_bytes(image_path("rgba.png"));
  const std::size_t type = find(whole, "IDAT");
  const std::string data(reinterpret_cast<const char*>(&whole[type + 4]), 60);
  const Bytes half = png_chunk("IDAT", data);
  Bytes bytes = first_of(whole, type - 4);
  bytes.insert(bytes.end(), half.begin(), half.end());
  EXPECT_NE(complaint(bytes, {}), "other pixels");
  const Bytes end = png_chunk("IEND", "");
  bytes.insert(bytes.end(), end.begin(), end.end());
  EXPECT_NE(complaint(bytes, {}), "other pixels");
}

TEST(HarmlessDamage, DamageAroundTheImageOfAWebPIsSkipped) {
  const Image original = Image::read(image_path("small.png"));
  const int width = static_cast<int>(original.width), height = static_cast<int>(original.height);
  std::uint8_t* data = nullptr;
  const std::size_t size =
      WebPEncodeLosslessRGB(original.rgb.data(), width, height, width * 3, &data);
  ASSERT_GT(size, 0u);
  const Bytes whole(reinterpret_cast<std::byte*>(data), reinterpret_cast<std::byte*>(data) + size);
  WebPFree(data);
  EXPECT_EQ(complaint(with(whole, whole.size(), bytes_of("appended")), original), "");
  EXPECT_EQ(complaint(with(whole, whole.size(), bytes_of("EXIF\xff\0\0\0cut off"sv)), original),
            "");
  for (const int riff_size : {0, 0xff}) {
    Bytes bytes = whole;
    std::fill_n(bytes.begin() + 4, 4, static_cast<std::byte>(riff_size));
    EXPECT_EQ(complaint(bytes, original), "");
  }
  EXPECT_EQ(complaint(first_of(whole, whole.size() - 2), original), "the file ends early");
}

}  // namespace
}  // namespace sapiens
