#include "cli/run/video_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sapiens/video.hpp>
#include <utility>

namespace sapiens::cli {
namespace {

// Cameras and broken files do not say; most videos have it.
constexpr double kUsualRate = 25;

class VideoFrames : public FrameStream {
 public:
  explicit VideoFrames(VideoReader video) : video_(std::move(video)) {}

  double rate() const override { return video_.rate() > 0 ? video_.rate() : kUsualRate; }
  Index frames() const override { return video_.frames(); }
  Index frames_read() const override { return video_.frames_read(); }
  bool rate_is_assumed() const override { return !(video_.rate() > 0); }
  bool skip() override { return video_.skip(); }
  void retrieve(Image& frame) override { video_.retrieve(frame); }
  double seconds() const override { return video_.seconds(); }
  Index frames_without_time() const override { return video_.frames_without_time(); }

 private:
  VideoReader video_;
};

class FolderFrames : public FrameStream {
 public:
  FolderFrames(std::span<const std::filesystem::path> files, double rate)
      : files_(files), rate_(rate) {}

  double rate() const override { return rate_; }
  Index frames() const override { return std::ssize(files_); }
  Index frames_read() const override { return next_; }

  double seconds() const override { return static_cast<double>(next_ - 1) / rate_; }

  void retrieve(Image& frame) override {
    const std::filesystem::path& file = files_[static_cast<std::size_t>(next_ - 1)];
    frame = Image::read(file);
    if (width_ == 0) {
      width_ = frame.width;
      height_ = frame.height;
    }
    if (frame.width != width_ || frame.height != height_) {
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = "the frames of a video have one size",
                   .file = file.string(),
                   .expected = fmt::format("{}x{}, as the first", width_, height_),
                   .actual = fmt::format("{}x{}", frame.width, frame.height),
                   .hint = "leave out --frames to work on them as images"});
    }
  }

  bool skip() override {
    if (next_ >= frames()) return false;
    ++next_;
    return true;
  }

 private:
  std::span<const std::filesystem::path> files_;
  double rate_;
  Index next_ = 0;
  Index width_ = 0, height_ = 0;  // of the first that was read
};

}  // namespace

std::unique_ptr<FrameStream> FrameStream::open(const InputFile& input, double folder_rate) {
  if (!input.frames.empty()) return std::make_unique<FolderFrames>(input.frames, folder_rate);
  return std::make_unique<VideoFrames>(input.camera ? VideoReader::camera(*input.camera)
                                                    : VideoReader::open(input.path));
}

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
  Frame frame;
  frame.place = VideoPlace{video_->frames_read() - 1, video_->seconds()};
  video_->retrieve(frame.image);
  width_ = frame.image.width;
  height_ = frame.image.height;
  frame.seconds.decode = watch.seconds();
  prepare_frame(context_, job_, frame);
  return frame;
}

}  // namespace sapiens::cli
