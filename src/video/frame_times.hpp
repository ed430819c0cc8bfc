#pragma once

#include "sapiens/tensor_view.hpp"

namespace sapiens::video {

/// When the frames of a video are shown, by the time stamps that OpenCV tells. A frame without one,
/// or with one that lies before the frame in front of it, follows that frame at the video's rate.
/// Times never decrease.
class FrameTimes {
 public:
  /// Used where a video has no rate.
  static constexpr double kUsualRate = 25;

  /// `rate` is in frames per second, 0 where it is unknown. The first frame of a camera (`live`) is
  /// at time 0, that of a file at its time stamp, which OpenCV counts from the start of the stream.
  explicit FrameTimes(double rate = 0, bool live = false);

  /// Adds the time stamp of the next frame, in milliseconds. OpenCV gives 0 where there is none.
  void add(double milliseconds);

  double seconds() const { return seconds_; }  ///< Time of the last added frame.
  Index guessed() const { return guessed_; }   ///< Frames without a usable time stamp.

 private:
  void start(double stamp, bool usable);
  void guess(double stamp, bool usable);

  double interval_;
  bool live_;
  bool started_ = false;
  double seconds_ = 0;
  double stamp_ = 0;   // the highest time stamp so far
  double offset_ = 0;  // from stamps to seconds
  double anchor_ = 0;  // the last time from a stamp, and the number of frames since
  Index since_anchor_ = 0;
  Index guessed_ = 0;
};

}  // namespace sapiens::video
