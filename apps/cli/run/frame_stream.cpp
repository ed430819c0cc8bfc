#include "cli/run/frame_stream.hpp"

#include <fmt/format.h>

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

}  // namespace sapiens::cli
