#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <sapiens/image.hpp>
#include <string>
#include <vector>

#include "cli/input/inputs.hpp"
#include "cli/options/task_options.hpp"
#include "cli/terminal/messages.hpp"

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

/// The place of a frame in a video.
struct VideoPlace {
  Index number = 0;    ///< From 0.
  double seconds = 0;  ///< From the start.
};

struct VideoFrame {
  VideoPlace place = {};
  Image image = {};
  double decode_seconds = 0;  ///< What it took, with the frames before that were passed over.
};

/// `options` as a record of settings; null where they choose all frames of video files.
Json video_settings(const VideoOptions& options);

/// The source of a run over a video: its frames that were asked for.
class VideoSource {
 public:
  /// `options` must outlive the source; `input` is needed as long if it is a folder.
  VideoSource(const InputFile& input, const VideoOptions& options)
      : options_(options), video_(FrameStream::open(input, options.folder_rate)) {}

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

  /// What of its times and frames is in doubt, for messages: how it is cut off, and that its rate
  /// is assumed.
  std::vector<std::string> doubts() const;

  /// What frames of `times` are, for the document beside them.
  Json document(const InputFile& input, const std::vector<double>& times) const;

  /// The next frame that was asked for; nothing after the last, and once it `is_cancelled`.
  std::optional<VideoFrame> next(const std::function<bool()>& is_cancelled);

 private:
  bool advance(const std::function<bool()>& is_cancelled);

  const VideoOptions& options_;
  std::unique_ptr<FrameStream> video_;
  Index between_ = 0;  // frames between --start and --end so far
  bool at_end_ = false;
  bool is_behind_ = false;  // what was asked for
  Index width_ = 0, height_ = 0;
};

}  // namespace sapiens::cli
