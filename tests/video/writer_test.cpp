#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <iterator>
#include <limits>
#include <string>

#include "sapiens/error.hpp"
#include "sapiens/video.hpp"
#include "support/scratch.hpp"
#include "video/clips.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

template <typename Call>
Error error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::Internal, {.summary = "nothing was thrown"});
}

std::ptrdiff_t files_in(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), {});
}

TEST_F(VideoTest, AWriterThatDoesNotFinishLeavesNothing) {
  const Scratch folder;
  for (const char* name : {"a.mp4", "a.avi"}) {
    VideoWriter video(folder / name, 25, 320, 240);
    video.write(clip_frame(0));
    EXPECT_FALSE(fs::exists(folder / name));
  }
  EXPECT_EQ(files_in(folder.path()), 0);
}

TEST_F(VideoTest, AnOlderVideoStaysUntilTheNewOneIsFinished) {
  const Scratch folder;
  write_clip(folder / "a.avi", 2);
  const std::string old = read_bytes(folder / "a.avi");
  VideoWriter video(folder / "a.avi", 25, 320, 240);
  video.write(clip_frame(5));
  EXPECT_EQ(read_bytes(folder / "a.avi"), old);
  video.finish();
  EXPECT_NE(read_bytes(folder / "a.avi"), old);
  EXPECT_EQ(files_in(folder.path()), 1);
}

TEST_F(VideoTest, AFrameOfAnotherSizeIsRefused) {
  const Scratch folder;
  VideoWriter video(folder / "a.mp4", 25, 320, 240);
  const Error error = error_of([&] { video.write(clip_frame(0, 240, 320)); });
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  EXPECT_THAT(error.what(), HasSubstr("320 x 240"));
  EXPECT_EQ(error_of([&] { video.write(Image{.width = 320, .height = 240, .rgb = {}}); }).code(),
            ErrorCode::InvalidArgument);
}

TEST_F(VideoTest, AVideoWithoutFramesOrFinishedTwiceIsRefused) {
  const Scratch folder;
  VideoWriter video(folder / "a.mp4", 25, 320, 240);
  EXPECT_EQ(error_of([&] { video.finish(); }).code(), ErrorCode::InvalidArgument);
  video.write(clip_frame(0));
  video.finish();
  EXPECT_EQ(error_of([&] { video.finish(); }).code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(error_of([&] { video.write(clip_frame(1)); }).code(), ErrorCode::InvalidArgument);
}

TEST(VideoWriterArguments, AreCheckedBeforeAnythingIsOpened) {
  const Scratch folder;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double rate : {0.0, -25.0, 1e9, kNan, kInfinity}) {
    const Error error = error_of([&] { VideoWriter(folder / "a.mp4", rate, 320, 240); });
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument) << rate;
  }
  for (const Index size : {Index{0}, Index{-1}, Index{16385}, Index{1} << 62}) {
    const Error error = error_of([&] { VideoWriter(folder / "a.mp4", 25, size, 240); });
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument) << size;
  }
  for (const char* name : {"a", "a.png", "a.mp4.txt", ".mp4"}) {
    const Error error = error_of([&] { VideoWriter(folder / name, 25, 320, 240); });
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument) << name;
  }
  EXPECT_EQ(files_in(folder.path()), 0);
}

TEST_F(VideoTest, AMissingFolderIsAnError) {
  const Scratch folder;
  const Error error = error_of([&] { VideoWriter(folder / "none/a.mp4", 25, 320, 240); });
  EXPECT_EQ(error.code(), ErrorCode::WriteFailed);
}

TEST_F(VideoTest, ATargetWithAColonOrAPatternIsAFileName) {
  const Scratch folder;
  for (const char* name : {"http:a.mp4", "frame_%03d.avi"}) {
    write_clip(folder / name, 3);
    EXPECT_TRUE(fs::is_regular_file(folder / name)) << name;
    VideoReader video = VideoReader::open(folder / name);
    EXPECT_EQ(count_frames(video), 3) << name;
  }
  EXPECT_EQ(files_in(folder.path()), 2);
}

/// Files may not grow beyond `bytes` while this lives: what a full disk looks like to a writer.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const ::rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  ::rlimit before_{};
  void (*handler_)(int);
};

TEST_F(VideoTest, AFileThatCannotGrowIsAnErrorAndNotAShortVideo) {
  const Scratch folder;
  for (const char* name : {"a.mp4", "a.avi"}) {
    testing::internal::CaptureStderr();
    const Error error = error_of([&] {
      const FileSizeLimit limit(2000);
      write_clip(folder / name, 125);
    });
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    EXPECT_EQ(error.code(), ErrorCode::WriteFailed) << name << ": " << error.what();
    EXPECT_FALSE(fs::exists(folder / name));
  }
  EXPECT_EQ(files_in(folder.path()), 0);
}

}  // namespace
}  // namespace sapiens
