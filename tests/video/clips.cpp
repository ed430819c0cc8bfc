#include "video/clips.hpp"

#include <algorithm>

namespace sapiens {
namespace {

constexpr Index kPerRow = 25, kStepX = 12, kStepY = 44, kSquare = 12;

Index sum_of_redness(const Image& frame, Index left, Index top) {
  Index sum = 0;
  for (Index y = top; y < top + kSquare; ++y) {
    for (Index x = left; x < left + kSquare; ++x) {
      const std::uint8_t* pixel = &frame.rgb[static_cast<std::size_t>((y * frame.width + x) * 3)];
      sum += pixel[0] - pixel[2];
    }
  }
  return sum;
}

}  // namespace

Image clip_frame(Index number, Index width, Index height) {
  Image frame{.width = width, .height = height, .rgb = {}};
  const Index left = 4 + number % kPerRow * kStepX, top = 8 + number / kPerRow * kStepY;
  for (Index y = 0; y < height; ++y) {
    for (Index x = 0; x < width; ++x) {
      const bool square = x >= left && x < left + kSquare && y >= top && y < top + kSquare;
      if (square) {
        frame.rgb.insert(frame.rgb.end(), {220, 40, 40});
      } else {
        frame.rgb.insert(frame.rgb.end(), {30, 90, 160});
      }
    }
  }
  return frame;
}

Index number_of(const Image& frame) {
  Index best = 0, reddest = sum_of_redness(frame, 4, 8);
  for (Index number = 1; number < 125; ++number) {
    const Index red =
        sum_of_redness(frame, 4 + number % kPerRow * kStepX, 8 + number / kPerRow * kStepY);
    if (red > reddest) {
      reddest = red;
      best = number;
    }
  }
  return best;
}

void write_clip(const std::string& path, Index frames, Index width, Index height) {
  VideoWriter video(path, 25, width, height);
  for (Index i = 0; i < frames; ++i) video.write(clip_frame(i, width, height));
  video.finish();
}

Index count_frames(VideoReader& video) {
  Index count = 0;
  for (Image frame; video.read(frame);) ++count;
  return count;
}

}  // namespace sapiens
