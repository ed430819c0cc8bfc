#pragma once

#include <memory>
#include <sapiens/image.hpp>

#include "cli/input/inputs.hpp"

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
  virtual bool rate_is_assumed() const { return false; }  ///< Nobody says it.
  virtual Index frames() const = 0;  ///< 0 where nobody knows; see VideoReader::frames.
  virtual Index frames_read() const = 0;
  virtual bool skip() = 0;                  ///< Goes to the next frame; false at the end.
  virtual void retrieve(Image& frame) = 0;  ///< The frame that `skip` went to.
  virtual double seconds() const = 0;       ///< Likewise, its time; see VideoReader::seconds.
  virtual Index frames_without_time() const { return 0; }
};

}  // namespace sapiens::cli
