#pragma once

#include "sapiens/tensor_view.hpp"

namespace sapiens::video {

/// When the frames of a video are shown, by the time stamps that OpenCV tells. A frame without one,
/// or with one that lies before the frame in front of it, follows that frame at the video's rate.
/// Times never decrease.
class FrameTimes {
 public:
  /// Taken where a video does not say its rate.
  static constexpr double kUsualRate = 25;

  /// `rate` in frames per second, 0 where it is unknown. Of a camera (`live`) the first frame is at
  /// 0, of a file where its stamp says, which OpenCV counts from the start of the stream.
  explicit FrameTimes(double rate = 0, bool live = false);

  /// Takes the stamp of the next frame, in milliseconds. OpenCV says 0 where there is none.
  void add(double milliseconds);

  double seconds() const { return seconds_; }  ///< Of the frame that was added last.
  Index guessed() const { return guessed_; }   ///< Frames whose time no stamp told.

 private:
  void start(double stamp, bool usable);
  void guess(double stamp, bool usable);

  double interval_;
  bool live_;
  bool started_ = false;
  double seconds_ = 0;
  double stamp_ = 0;   // the highest so far
  double offset_ = 0;  // from stamps to seconds
  double anchor_ = 0;  // the last time that a stamp told, and how many frames were guessed since
  Index since_anchor_ = 0;
  Index guessed_ = 0;
};

}  // namespace sapiens::video
