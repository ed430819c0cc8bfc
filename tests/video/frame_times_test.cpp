#include "video/frame_times.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "support/mov_file.hpp"
#include "support/scratch.hpp"
#include "video/clips.hpp"

namespace sapiens::video {
namespace {

/// The times of frames with these stamps, in milliseconds.
std::vector<double> times(FrameTimes clock, const std::vector<double>& stamps,
                          Index* guessed = nullptr) {
  std::vector<double> result;
  for (const double stamp : stamps) {
    clock.add(stamp);
    result.push_back(clock.seconds());
  }
  if (guessed) *guessed = clock.guessed();
  return result;
}

auto are(std::vector<double> expected) {
  return testing::Pointwise(testing::DoubleNear(1e-9), std::move(expected));
}

TEST(FrameTimes, AreTheStamps) {
  Index guessed = -1;
  EXPECT_THAT(times(FrameTimes(10), {0, 100, 1400, 1500}, &guessed), are({0, 0.1, 1.4, 1.5}));
  EXPECT_EQ(guessed, 0);
}

TEST(FrameTimes, FramesWithoutStampsFollowAtTheRate) {
  Index guessed = -1;
  EXPECT_THAT(times(FrameTimes(10), {0, 0, 0, 0}, &guessed), are({0, 0.1, 0.2, 0.3}));
  EXPECT_EQ(guessed, 3);
  EXPECT_THAT(times(FrameTimes(0), {0, 0}), are({0, 0.04}));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(times(FrameTimes(10), {nan, nan, -9.2e18, 1e300}, &guessed), are({0, 0.1, 0.2, 0.3}));
  EXPECT_EQ(guessed, 3);
}

TEST(FrameTimes, GoOnFromTheLastStamp) {
  EXPECT_THAT(times(FrameTimes(10), {0, 500, 0, 0, 1500}), are({0, 0.5, 0.6, 0.7, 1.5}));
}

TEST(FrameTimes, FramesOutOfOrderNeverDecreaseTheTime) {
  Index guessed = -1;
  EXPECT_THAT(times(FrameTimes(10), {0, 300, 100, 200, 600, 400}, &guessed),
              are({0, 0.3, 0.4, 0.5, 0.6, 0.7}));
  EXPECT_EQ(guessed, 3);
}

TEST(FrameTimes, TimesOfJoinedFilesContinue) {
  EXPECT_THAT(times(FrameTimes(10), {0, 100, 5000, 20, 120, 220}), are({0, 0.1, 5, 5.1, 5.2, 5.3}));
}

TEST(FrameTimes, TwoFramesMayHaveOneTime) {
  EXPECT_THAT(times(FrameTimes(10), {0, 100, 100, 200}), are({0, 0.1, 0.1, 0.2}));
}

TEST(FrameTimes, CameraTimesCountFromTheFirstFrame) {
  EXPECT_THAT(times(FrameTimes(30, true), {81234567, 81234600, 81234800}), are({0, 0.033, 0.233}));
}

class VideoTimes : public VideoTest {
 protected:
  /// What a reader says of a video that was made of these frames.
  std::vector<double> read(const std::vector<MovFrame>& frames, Index* guessed = nullptr) {
    const std::string folder = SAPIENS_TEST_DATA "/golden/preprocess_full/";
    const Image image = Image::read(folder + "odd_420.jpg");
    write_bytes(scratch_ / "x.mov",
                mov_of(read_bytes(folder + "odd_420.jpg"), static_cast<int>(image.width),
                       static_cast<int>(image.height), frames));
    VideoReader video = VideoReader::open(scratch_ / "x.mov");
    std::vector<double> result;
    while (video.skip()) result.push_back(video.seconds());
    if (guessed) *guessed = video.frames_without_time();
    return result;
  }

  Scratch scratch_;
};

TEST_F(VideoTimes, AreThoseOfTheFile) {
  EXPECT_THAT(read({{100}, {100}, {1300}, {1300}, {40}}), are({0, 0.1, 0.2, 1.5, 2.8}));
}

TEST_F(VideoTimes, BeginAtTheFirstFrame) {
  EXPECT_THAT(read({{100, 500}, {300, 500}, {100, 500}}), are({0, 0.1, 0.4}));
}

TEST_F(VideoTimes, AFrameWithoutDurationHasTheTimeOfTheNext) {
  const std::vector<double> times = read({{100}, {0}, {100}, {100}});
  ASSERT_EQ(times.size(), 4u);
  EXPECT_NEAR(times[1], 0.1, 0.002);  // FFmpeg keeps stamps apart by a tick
  EXPECT_NEAR(times[2], 0.1, 0.002);
  EXPECT_NEAR(times[3], 0.2, 0.002);
}

TEST_F(VideoTimes, FramesOutOfOrderNeverDecreaseTheTime) {
  Index guessed = -1;
  const std::vector<double> times = read({{100}, {100, 200}, {100, 0}, {100, 0}, {100}}, &guessed);
  ASSERT_EQ(times.size(), 5u);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
  EXPECT_GT(guessed, 0);
}

TEST_F(VideoTimes, AFrameThatWasSkippedCanBeTaken) {
  write_clip(scratch_ / "clip.mp4", 5);
  VideoReader video = VideoReader::open(scratch_ / "clip.mp4");
  Image frame;
  EXPECT_ANY_THROW(video.retrieve(frame));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(video.skip());
  video.retrieve(frame);
  EXPECT_EQ(number_of(frame), 3);
  EXPECT_NEAR(video.seconds(), 3 / 25.0, 1e-6);
}

TEST_F(VideoTimes, EveryWrittenContainerKeepsTheTimes) {
  for (const char* name : {"clip.mp4", "clip.mov", "clip.avi"}) {
    write_clip(scratch_ / name, 10);
    VideoReader video = VideoReader::open(scratch_ / name);
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(video.skip());
      EXPECT_NEAR(video.seconds(), i / 25.0, 1e-4) << name;
    }
    // OpenCV 4.6 has no stamps for the last frames of H.264 that the decoder held back.
    EXPECT_LE(video.frames_without_time(), 4) << name;
  }
}

}  // namespace
}  // namespace sapiens::video
