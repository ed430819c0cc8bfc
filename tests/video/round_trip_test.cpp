#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <string>
#include <utility>

#include "sapiens/video.hpp"
#include "support/scratch.hpp"
#include "video/clips.hpp"

namespace sapiens {
namespace {

std::array<int, 3> pixel(const Image& image, Index x, Index y) {
  const std::uint8_t* p = &image.rgb[static_cast<std::size_t>((y * image.width + x) * 3)];
  return {p[0], p[1], p[2]};
}

void expect_colour(const std::array<int, 3>& actual, const std::array<int, 3>& expected) {
  // Measured on 27 flat colours: off by at most 4 (H.264) and 2 (Motion JPEG).
  for (int c = 0; c < 3; ++c) EXPECT_NEAR(actual[c], expected[c], 6) << "channel " << c;
}

class RoundTrip : public VideoTest, public testing::WithParamInterface<const char*> {};

TEST_P(RoundTrip, GivesEveryFrameInOrderWithItsColours) {
  const Scratch folder;
  const std::string path = folder / (std::string("clip") + GetParam());
  write_clip(path, 125);
  VideoReader video = VideoReader::open(path);
  EXPECT_DOUBLE_EQ(video.rate(), 25);
  EXPECT_EQ(video.frames(), 125);
  EXPECT_EQ(video.width(), 320);
  EXPECT_EQ(video.height(), 240);
  Image frame;
  for (Index i = 0; i < 125; ++i) {
    ASSERT_TRUE(video.read(frame)) << "frame " << i;
    ASSERT_EQ(number_of(frame), i);
    ASSERT_EQ(frame.width, 320);
    ASSERT_EQ(frame.height, 240);
    expect_colour(pixel(frame, 300, 230), {30, 90, 160});
  }
  EXPECT_EQ(video.frames_read(), 125);
  EXPECT_FALSE(video.read(frame));
  EXPECT_FALSE(video.read(frame)) << "after the end stays after the end";
  EXPECT_FALSE(video.skip());
}

TEST_P(RoundTrip, SkippedFramesCountAsRead) {
  const Scratch folder;
  const std::string path = folder / (std::string("clip") + GetParam());
  write_clip(path, 50);
  VideoReader video = VideoReader::open(path);
  Image frame;
  for (Index i = 0; i + 10 <= 50; i += 10) {
    ASSERT_TRUE(video.read(frame));
    EXPECT_EQ(number_of(frame), i);
    for (int k = 0; k < 9; ++k) ASSERT_TRUE(video.skip());
  }
  EXPECT_EQ(video.frames_read(), 50);
  EXPECT_FALSE(video.skip());
}

TEST_P(RoundTrip, OddSizesGrowByACopyOfTheLastColumnAndRow) {
  const Scratch folder;
  const std::string path = folder / (std::string("odd") + GetParam());
  Image image{.width = 65, .height = 47, .rgb = {}};
  for (Index i = 0; i < 65 * 47; ++i) image.rgb.insert(image.rgb.end(), {200, 200, 60});
  VideoWriter writer(path, 25, 65, 47);
  for (int i = 0; i < 5; ++i) writer.write(image);
  writer.finish();
  VideoReader video = VideoReader::open(path);
  EXPECT_EQ(video.width(), 66);
  EXPECT_EQ(video.height(), 48);
  Image frame;
  ASSERT_TRUE(video.read(frame));
  expect_colour(pixel(frame, 65, 47), {200, 200, 60});
}

INSTANTIATE_TEST_SUITE_P(Formats, RoundTrip,
                         testing::Values(".mp4", ".m4v", ".mov", ".avi", ".AVI"),
                         [](const auto& format) {
                           return std::string(format.param + 1) +
                                  std::to_string(format.index);  // names differ in case only
                         });

TEST_F(VideoTest, UncommonRatesSurvive) {
  const Scratch folder;
  for (const double rate : {0.5, 12.5, 23.976, 29.97, 60.0, 120.0}) {
    const std::string path = folder / "rate.mp4";
    VideoWriter writer(path, rate, 320, 240);
    for (Index i = 0; i < 3; ++i) writer.write(clip_frame(i));
    writer.finish();
    // OpenCV writes rates as fractions that are right to a thousandth.
    EXPECT_NEAR(VideoReader::open(path).rate(), rate, 1.1e-3);
  }
}

TEST_F(VideoTest, TinyVideosAreWrittenToo) {
  const Scratch folder;
  for (const char* name : {"tiny.mp4", "tiny.avi"}) {
    write_clip(folder / name, 3, 1, 1);
    VideoReader video = VideoReader::open(folder / name);
    EXPECT_EQ(count_frames(video), 3);
  }
}

TEST_F(VideoTest, ReadersAndWritersMove) {
  const Scratch folder;
  VideoWriter first(folder / "a.avi", 25, 320, 240);
  first.write(clip_frame(0));
  VideoWriter second = std::move(first);
  second.write(clip_frame(1));
  second.finish();
  VideoReader one = VideoReader::open(folder / "a.avi");
  ASSERT_TRUE(one.skip());
  VideoReader other = std::move(one);
  Image frame;
  ASSERT_TRUE(other.read(frame));
  EXPECT_EQ(number_of(frame), 1);
}

// The matrix of a track header, as phones write it: 90, 180 and 270 degrees clockwise.
std::string turned(std::string mp4, int degrees) {
  const std::array<std::array<int, 4>, 4> matrices = {
      {{1, 0, 0, 1}, {0, 1, -1, 0}, {-1, 0, 0, -1}, {0, -1, 1, 0}}};
  const auto& matrix = matrices[static_cast<std::size_t>(degrees / 90)];
  const std::size_t at = mp4.find("tkhd") + 4 + 40;
  const std::array<std::size_t, 4> places = {0, 4, 12, 16};  // a b u, c d v, x y w
  for (std::size_t i = 0; i < 4; ++i) {
    const int value = matrix[i] * 0x10000;
    for (std::size_t b = 0; b < 4; ++b) {
      mp4[at + places[i] + b] = static_cast<char>(value >> (24 - 8 * b));
    }
  }
  return mp4;
}

TEST_F(VideoTest, FramesAreTurnedAsTheFileAsks) {
  const Scratch folder;
  write_clip(folder / "flat.mp4", 3);
  const std::string flat = read_bytes(folder / "flat.mp4");
  struct Case {
    int degrees;
    Index width, height, x, y;  // where the square's centre, (10, 14) of the first frame, goes
  };
  for (const Case& turn : {Case{0, 320, 240, 10, 14}, Case{90, 240, 320, 225, 10},
                           Case{180, 320, 240, 309, 225}, Case{270, 240, 320, 14, 309}}) {
    const std::string path = folder / "turned.mp4";
    write_bytes(path, turned(flat, turn.degrees));
    VideoReader video = VideoReader::open(path);
    EXPECT_EQ(video.width(), turn.width) << turn.degrees;
    EXPECT_EQ(video.height(), turn.height) << turn.degrees;
    Image frame;
    ASSERT_TRUE(video.read(frame));
    ASSERT_EQ(frame.width, turn.width) << turn.degrees;
    EXPECT_GT(pixel(frame, turn.x, turn.y)[0], 150) << turn.degrees << " degrees clockwise";
  }
}

}  // namespace
}  // namespace sapiens
