#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "sapiens/video.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

TEST(IsVideoFile, GoesByTheBytesWhereTheyAreKnown) {
  const Scratch folder;
  write_bytes(folder / "a", std::string("\0\0\0\x20", 4) + "ftypisom");
  write_bytes(folder / "b.jpg", "RIFF\1\1\1\1AVI LIST");
  write_bytes(folder / "c.png", "\x1a\x45\xdf\xa3 matroska");
  write_bytes(folder / "d", std::string("\0\0\1\xba", 4) + "mpeg");
  for (const char* name : {"a", "b.jpg", "c.png", "d"}) {
    EXPECT_TRUE(is_video_file(folder / name)) << name;
  }
  write_bytes(folder / "e.mp4", "\xff\xd8\xff\xe0 jpeg");
  write_bytes(folder / "f.mov", "\x89PNG\r\n\x1a\n");
  for (const char* name : {"e.mp4", "f.mov"}) {
    EXPECT_FALSE(is_video_file(folder / name)) << name;
  }
}

TEST(IsVideoFile, GoesByTheNameWhereTheBytesSayNothing) {
  const Scratch folder;
  write_bytes(folder / "a.mp4", "");
  write_bytes(folder / "b.TS", "\x47\x40\x11\x10 transport stream");
  write_bytes(folder / "c.jpg", "\x01\x02\x03");
  EXPECT_TRUE(is_video_file(folder / "a.mp4")) << "its reader can say best that it is empty";
  EXPECT_TRUE(is_video_file(folder / "b.TS"));
  EXPECT_FALSE(is_video_file(folder / "c.jpg"));
  EXPECT_TRUE(is_video_file(folder / "missing.mkv"));
  EXPECT_FALSE(is_video_file(folder / "missing.png"));
}

TEST(IsVideoFile, FoldersAndDevicesAreNone) {
  const Scratch folder;
  std::filesystem::create_directory(folder / "folder.mp4");
  EXPECT_FALSE(is_video_file(folder / "folder.mp4"));
  EXPECT_FALSE(is_video_file("/dev/zero"));
  EXPECT_FALSE(is_video_file(""));
}

}  // namespace
}  // namespace sapiens
