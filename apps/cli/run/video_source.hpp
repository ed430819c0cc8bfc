#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "cli/run/frames.hpp"

namespace sapiens::cli {

/// The frames of a video, a camera, or a folder of images, in order.
class FrameStream {
 public:
  /// `folder_rate` is the frames per second of a folder. Throws as VideoReader does.
  static std::unique_ptr<FrameStream> open(const InputFile& input, double folder_rate);

  FrameStream() = default;
  FrameStream(const FrameStream&) = delete;
  FrameStream& operator=(const FrameStream&) = delete;
  virtual ~FrameStream() = default;

  virtual double rate() const = 0;                        ///< Frames per second, always above 0.
  virtual bool rate_is_assumed() const { return false; }  ///< The file does not say it.
  virtual Index frames() const = 0;  ///< 0 where it is unknown; see VideoReader::frames.
  virtual Index frames_read() const = 0;
  virtual bool skip() = 0;                  ///< Goes to the next frame; false at the end.
  virtual void retrieve(Image& frame) = 0;  ///< The frame that `skip` went to.
  virtual double seconds() const = 0;       ///< Likewise, its time; see VideoReader::seconds.
  virtual Index frames_without_time() const { return 0; }
};

/// The source of a run over a video: its frames that were asked for.
class VideoSource {
 public:
  VideoSource(const TaskContext& context, const Job& job)
      : context_(context),
        job_(job),
        video_(FrameStream::open(job.input, context.options.video.folder_rate)) {}

  double rate() const { return video_->rate(); }
  const FrameStream& video() const { return *video_; }
  /// The size of the frames; 0 before the first.
  Index width() const { return width_; }
  Index height() const { return height_; }

  /// About how many frames `next` will give; 0 where it is unknown.
  Index expected() const;

  /// True where the file was read to its end and there were far fewer frames than it says; some
  /// formats count by duration and are off by a few.
  bool is_cut_off() const;

  /// The next --batch frames that were asked for, prepared; nothing after the last.
  std::optional<std::vector<Frame>> next(const std::function<bool()>& is_cancelled);

 private:
  bool advance(const std::function<bool()>& is_cancelled);
  Frame read();

  const TaskContext& context_;
  const Job& job_;
  std::unique_ptr<FrameStream> video_;
  Index between_ = 0;  // frames between --start and --end so far
  bool at_end_ = false;
  bool is_behind_ = false;  // what was asked for
  Index width_ = 0, height_ = 0;
};

}  // namespace sapiens::cli
