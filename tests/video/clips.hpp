#pragma once

#include <gtest/gtest.h>

#include <string>

#include "sapiens/image.hpp"
#include "sapiens/video.hpp"

namespace sapiens {

/// Everything that opens a video needs the module, which is built where OpenCV's videoio is.
class VideoTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!video_available(&why)) GTEST_SKIP() << why;
  }
};

/// Frame `number` of a clip: a red square on blue, whose place tells the number, from 0 to 124.
Image clip_frame(Index number, Index width = 320, Index height = 240);

/// Which frame of the clip this is, by where it is reddest; of the clip's size.
Index number_of(const Image& frame);

/// Writes the first `frames` frames of a clip at 25 frames per second.
void write_clip(const std::string& path, Index frames, Index width = 320, Index height = 240);

/// Reads a video to its end; how many frames there were.
Index count_frames(VideoReader& video);

}  // namespace sapiens
