#include "image/file_kind.hpp"

#include <gmock/gmock.h>

#include <string>

#include "image_files.hpp"
#include "sapiens/error.hpp"
#include "sapiens/image.hpp"

namespace sapiens {
namespace {

using namespace std::string_literals;

std::string described(const std::string& bytes) {
  return std::string(detect_file_kind(as_bytes(bytes)).description);
}

TEST(FileKind, RecognisesWhatPeopleMistakeForAnImage) {
  EXPECT_EQ(described(""), "an empty file");
  EXPECT_EQ(described("\0\0\0\x18"s + "ftypheic\0\0\0\0"), "a HEIC image");
  EXPECT_EQ(described("\0\0\0\x18"s + "ftypmif1\0\0\0\0"), "a HEIC image");
  EXPECT_EQ(described("\0\0\0\x20"s + "ftypavif\0\0\0\0"), "an AVIF image");
  EXPECT_EQ(described("\0\0\0\x20"s + "ftypisom\0\0\0\0"), "a video (MP4 or QuickTime)");
  EXPECT_EQ(described("\x1a\x45\xdf\xa3"s), "a video (Matroska or WebM)");
  EXPECT_EQ(described("RIFF\1\2\3\4AVI LIST"), "a video (AVI)");
  EXPECT_EQ(described("GIF89a"), "a GIF image");
  EXPECT_EQ(described("%PDF-1.7"), "a PDF document");
  EXPECT_EQ(described("PK\3\4"), "a zip archive");
  EXPECT_EQ(described("version https://git-lfs.github.com/spec/v1\noid sha256:12"),
            "a Git LFS pointer, not the image itself");
  EXPECT_EQ(described("\xef\xbb\xbf \n<!DOCTYPE HTML><html>"), "an HTML page");
  EXPECT_EQ(described("<HTML><body>404"), "an HTML page");
  EXPECT_EQ(described(std::string(64, '\0')), "nothing but zero bytes");
  EXPECT_EQ(described("hello"), "a text file");
  EXPECT_EQ(described("\1\2\3"), "a file of unknown format");
}

TEST(FileKind, EveryUnreadableKindComesWithANextStep) {
  for (const std::string& bytes : {""s, "GIF89a"s, "<html>"s, "hello"s, "BM"s, "\1\2\3"s}) {
    try {
      Image::decode(as_bytes(bytes), "holiday.jpg");
      FAIL() << "no exception for " << described(bytes);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat);
      EXPECT_EQ(error.detail().file, "holiday.jpg");
      EXPECT_EQ(error.detail().actual, described(bytes));
      EXPECT_FALSE(error.detail().hint.empty());
    }
  }
}

}  // namespace
}  // namespace sapiens
