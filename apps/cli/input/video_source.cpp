#include "cli/input/video_source.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cli/run/frame_reader.hpp"
#include "cli/run/stopwatch.hpp"

namespace sapiens::cli {

Index VideoSource::expected() const {
  const VideoOptions& options = context_.options.video;
  const auto frame_at = [this](double seconds) {
    return static_cast<Index>(std::ceil(seconds * video_->rate()));
  };
  const Index first = frame_at(options.start);
  const Index end = options.end < 0 ? 0 : frame_at(options.end);
  const Index last = video_->frames() > 0 && end > 0 ? std::min(end, video_->frames())
                                                     : std::max(end, video_->frames());
  return last == 0 ? 0 : std::max<Index>((last - first + options.every - 1) / options.every, 1);
}

bool VideoSource::is_cut_off() const {
  constexpr Index kFew = 5;
  return at_end_ && video_->frames_read() + kFew < video_->frames();
}

std::optional<std::vector<Frame>> VideoSource::next(const std::function<bool()>& is_cancelled) {
  std::vector<Frame> frames;
  while (std::ssize(frames) < context_.options.batch) {
    const Stopwatch watch;
    if (!advance(is_cancelled)) break;
    const double skipping = watch.seconds();
    frames.push_back(read());
    frames.back().seconds.decode += skipping;
  }
  if (frames.empty()) return std::nullopt;
  return frames;
}

// Goes to the next frame that was asked for; false where there is none. By the times of the frames:
// that is where people have --start and --end from.
bool VideoSource::advance(const std::function<bool()>& is_cancelled) {
  constexpr double kRounding = 1e-6;  // of time stamps; seconds
  const VideoOptions& options = context_.options.video;
  while (!at_end_ && !is_behind_) {
    if (is_cancelled() || context_.interrupts.requested()) return false;
    at_end_ = !video_->skip();
    if (at_end_) return false;
    const double seconds = video_->seconds();
    is_behind_ = options.end >= 0 && seconds >= options.end - kRounding;
    if (is_behind_ || seconds < options.start - kRounding) continue;
    if (between_++ % options.every == 0) return true;
  }
  return false;
}

Frame VideoSource::read() {
  const Stopwatch watch;
  Frame frame{.place = VideoPlace{video_->frames_read() - 1, video_->seconds()}};
  video_->retrieve(frame.image);
  width_ = frame.image.width;
  height_ = frame.image.height;
  frame.seconds.decode = watch.seconds();
  prepare_frame(context_, job_, frame);
  return frame;
}

}  // namespace sapiens::cli
