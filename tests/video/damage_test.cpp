#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "sapiens/error.hpp"
#include "sapiens/video.hpp"
#include "support/scratch.hpp"
#include "video/clips.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

/// What opening and reading a video throws; also holds that nothing is printed.
Error error_of_reading(const std::string& path) {
  testing::internal::CaptureStderr();
  Error result(ErrorCode::Internal, {.summary = "nothing was thrown"});
  try {
    VideoReader video = VideoReader::open(path);
    count_frames(video);
  } catch (const Error& error) {
    result = error;
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << path;
  return result;
}

TEST_F(VideoTest, WhatIsNoVideoIsRefusedByName) {
  const Scratch folder;
  write_bytes(folder / "empty.mp4", "");
  write_bytes(folder / "text.mp4", "this is my walk\n");
  write_bytes(folder / "list.m3u8", "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n");
  write_bytes(folder / "list.mp4", "ffconcat version 1.0\nfile a.mp4\n");
  write_bytes(folder / "image.mp4", std::string("\xff\xd8\xff\xe0", 4) + std::string(60, 'x'));
  write_bytes(folder / "zeros.mp4", std::string(4000, '\0'));
  struct Case {
    const char* name;
    const char* says;
  };
  for (const Case& file :
       {Case{"empty.mp4", "empty"}, Case{"text.mp4", "text"}, Case{"list.m3u8", "text"},
        Case{"list.mp4", "text"}, Case{"image.mp4", "JPEG"}, Case{"zeros.mp4", "zero bytes"}}) {
    const Error error = error_of_reading(folder / file.name);
    EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat) << file.name;
    EXPECT_THAT(error.what(), HasSubstr(file.says)) << file.name;
    EXPECT_THAT(error.what(), HasSubstr(file.name));
  }
}

TEST_F(VideoTest, AFileThatIsWrittenToMeanwhileIsRefused) {
  const Scratch folder;
  const std::string path = folder / "clip.mp4";
  write_clip(path, 20);
  VideoReader video = VideoReader::open(path);
  Image frame;
  ASSERT_TRUE(video.read(frame));
  std::ofstream(path, std::ios::binary | std::ios::app) << "more";
  try {
    video.read(frame);
    ADD_FAILURE() << "was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::CorruptFile);
    EXPECT_EQ(error.detail().summary, "the file was changed while it was read");
    EXPECT_EQ(error.detail().file, path);
  }
}

TEST_F(VideoTest, UnknownBytesAreRefused) {
  const Scratch folder;
  std::mt19937 random(7);
  std::string noise(20000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  write_bytes(folder / "noise.mp4", noise);
  EXPECT_EQ(error_of_reading(folder / "noise.mp4").code(), ErrorCode::UnsupportedFormat);
}

TEST_F(VideoTest, WhatIsNoFileIsRefused) {
  const Scratch folder;
  ASSERT_EQ(::mkfifo((folder / "pipe.mp4").c_str(), 0600), 0);
  std::filesystem::create_directory(folder / "folder.mp4");
  EXPECT_EQ(error_of_reading(folder / "none.mp4").code(), ErrorCode::NotFound);
  EXPECT_EQ(error_of_reading("http://127.0.0.1:1/a.mp4").code(), ErrorCode::NotFound);
  EXPECT_EQ(error_of_reading(folder / "folder.mp4").code(), ErrorCode::UnsupportedFormat);
  EXPECT_EQ(error_of_reading(folder / "pipe.mp4").code(), ErrorCode::UnsupportedFormat);
  EXPECT_EQ(error_of_reading("/dev/zero").code(), ErrorCode::UnsupportedFormat);
}

TEST_F(VideoTest, AnMp4WithoutItsIndexIsCorruptAndSaysSo) {
  const Scratch folder;
  write_clip(folder / "whole.mp4", 125);
  const std::string whole = read_bytes(folder / "whole.mp4");
  for (const std::size_t length : {whole.size() / 2, std::size_t{100}, std::size_t{40}}) {
    write_bytes(folder / "cut.mp4", whole.substr(0, length));
    const Error error = error_of_reading(folder / "cut.mp4");
    EXPECT_EQ(error.code(), ErrorCode::CorruptFile) << length;
    EXPECT_THAT(error.what(), HasSubstr("incomplete"));
  }
}

TEST_F(VideoTest, AnAviCutOffGivesFewerFramesThanItPromises) {
  const Scratch folder;
  write_clip(folder / "whole.avi", 125);
  const std::string whole = read_bytes(folder / "whole.avi");
  write_bytes(folder / "cut.avi", whole.substr(0, whole.size() / 2));
  testing::internal::CaptureStderr();
  VideoReader video = VideoReader::open(folder / "cut.avi");
  const Index count = count_frames(video);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_GT(count, 40);
  EXPECT_LT(count, 80);
  EXPECT_EQ(video.frames_read(), count);
  EXPECT_EQ(video.frames(), 125);
}

TEST_F(VideoTest, AHeaderWithoutFramesIsCorrupt) {
  const Scratch folder;
  write_clip(folder / "whole.avi", 5);
  const std::string whole = read_bytes(folder / "whole.avi");
  write_bytes(folder / "cut.avi", whole.substr(0, whole.find("movi") + 4));
  EXPECT_EQ(error_of_reading(folder / "cut.avi").code(), ErrorCode::CorruptFile);
}

// Whatever the damage, reading ends, with an error of ours or with frames of a sane size.
TEST_F(VideoTest, DamagedBytesNeitherCrashNorPrint) {
  const Scratch folder;
  std::mt19937 random(3);
  for (const char* name : {"clip.mp4", "clip.avi"}) {
    write_clip(folder / name, 20);
    const std::string whole = read_bytes(folder / name);
    for (int round = 0; round < 40; ++round) {
      std::string damaged = whole;
      for (int i = 0; i < 30; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
      write_bytes(folder / "damaged", damaged);
      testing::internal::CaptureStderr();
      try {
        VideoReader video = VideoReader::open(folder / "damaged");
        EXPECT_LE(count_frames(video), 1000) << name << ", round " << round;
      } catch (const Error& error) {
        EXPECT_NE(error.code(), ErrorCode::Internal);
      }
      EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << name << ", round " << round;
    }
  }
}

TEST_F(VideoTest, TheNameOfAFileMeansNothing) {
  const Scratch folder;
  write_clip(folder / "clip.mp4", 3);
  for (const char* name : {"img_%03d.png", "http:clip.mp4", "no_ending", "clip.jpg"}) {
    std::filesystem::copy_file(folder / "clip.mp4", folder / name);
    VideoReader video = VideoReader::open(folder / name);
    EXPECT_EQ(count_frames(video), 3) << name;
  }
}

TEST_F(VideoTest, CamerasThatAreNotThereAreNotFound) {
  testing::internal::CaptureStderr();
  for (const auto& [index, code] :
       {std::pair{99, ErrorCode::NotFound}, std::pair{-1, ErrorCode::InvalidArgument}}) {
    try {
      VideoReader::camera(index);
      ADD_FAILURE() << index;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << index;
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace sapiens
