#include "cli/run/video_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sapiens/video.hpp>
#include <utility>

#include "core/stopwatch.hpp"

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

Json video_settings(const VideoOptions& options) {
  if (options.every == 1 && options.start == 0 && options.end < 0 && options.folder_rate == 0) {
    return nullptr;
  }
  return {{"frames", options.folder_rate},
          {"every", options.every},
          {"start", options.start},
          {"end", options.end}};
}

Index VideoSource::expected() const {
  const auto frame_at = [this](double seconds) {
    return static_cast<Index>(std::ceil(seconds * video_->rate()));
  };
  const Index first = frame_at(options_.start);
  const Index end = options_.end < 0 ? 0 : frame_at(options_.end);
  const Index last = video_->frames() > 0 && end > 0 ? std::min(end, video_->frames())
                                                     : std::max(end, video_->frames());
  return last == 0 ? 0 : std::max<Index>((last - first + options_.every - 1) / options_.every, 1);
}

bool VideoSource::is_cut_off() const {
  constexpr Index kFew = 5;
  return at_end_ && video_->frames_read() + kFew < video_->frames();
}

std::vector<std::string> VideoSource::doubts() const {
  std::vector<std::string> doubts;
  if (is_cut_off()) {
    doubts.push_back(fmt::format("ends after {} of the {} frames that it announces",
                                 video_->frames_read(), video_->frames()));
  }
  if (video_->rate_is_assumed()) {
    doubts.push_back(fmt::format("does not say its frame rate: {} frames per second are assumed",
                                 video_->rate()));
  }
  return doubts;
}

Json VideoSource::document(const InputFile& input, const std::vector<double>& times) const {
  return {{"video",
           {{"source", input.text()},
            {"width", width_},
            {"height", height_},
            {"rate", video_->rate()},
            {"rate_is_assumed", video_->rate_is_assumed()},
            {"frames_without_time", video_->frames_without_time()},
            {"every", options_.every},
            {"start", options_.start},
            {"end", options_.end < 0 ? Json(nullptr) : Json(options_.end)}}},
          {"frames", times.size()},
          {"seconds", times},
          {"files", "NUMBER of the frame in the video, from 0, in the folder of the same name"}};
}

std::optional<VideoFrame> VideoSource::next(const std::function<bool()>& is_cancelled) {
  const Stopwatch watch;
  if (!advance(is_cancelled)) return std::nullopt;
  VideoFrame frame{.place = {video_->frames_read() - 1, video_->seconds()}};
  video_->retrieve(frame.image);
  width_ = frame.image.width;
  height_ = frame.image.height;
  frame.decode_seconds = watch.seconds();
  return frame;
}

// Goes to the next frame that was asked for; false where there is none. By the times of the frames:
// that is where people have --start and --end from.
bool VideoSource::advance(const std::function<bool()>& is_cancelled) {
  constexpr double kRounding = 1e-6;  // of time stamps; seconds
  while (!at_end_ && !is_behind_) {
    if (is_cancelled()) return false;
    at_end_ = !video_->skip();
    if (at_end_) return false;
    const double seconds = video_->seconds();
    is_behind_ = options_.end >= 0 && seconds >= options_.end - kRounding;
    if (is_behind_ || seconds < options_.start - kRounding) continue;
    if (between_++ % options_.every == 0) return true;
  }
  return false;
}

}  // namespace sapiens::cli
