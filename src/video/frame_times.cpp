#include "video/frame_times.hpp"

#include <algorithm>
#include <cmath>

namespace sapiens::video {
namespace {

// The limit is thirty years; values that OpenCV computes from a missing start lie far outside.
constexpr double kMaxSeconds = 1e9;

// Time stamps that decrease by this many seconds start anew, as where files were joined; by less,
// frames are merely out of order.
constexpr double kNewStart = 1;

}  // namespace

FrameTimes::FrameTimes(double rate, bool live)
    : interval_(1 / (rate > 0 ? rate : kUsualRate)), live_(live) {}

void FrameTimes::add(double milliseconds) {
  const double stamp = milliseconds / 1000;
  const bool usable = std::isfinite(stamp) && std::abs(stamp) <= kMaxSeconds;
  if (!started_) return start(stamp, usable);
  if (!usable || stamp == 0 || stamp < stamp_) return guess(stamp, usable);
  stamp_ = stamp;
  seconds_ = anchor_ = std::max(seconds_, stamp + offset_);
  since_anchor_ = 0;
}

void FrameTimes::start(double stamp, bool usable) {
  started_ = true;
  if (!usable) return;
  stamp_ = stamp;
  if (live_ || stamp < 0) offset_ = -stamp;
  seconds_ = anchor_ = stamp + offset_;
}

void FrameTimes::guess(double stamp, bool usable) {
  ++guessed_;
  seconds_ = anchor_ + static_cast<double>(++since_anchor_) * interval_;
  if (!usable || stamp == 0 || stamp > stamp_ - kNewStart) return;
  offset_ = seconds_ - stamp;
  stamp_ = stamp;
  anchor_ = seconds_;
  since_anchor_ = 0;
}

}  // namespace sapiens::video
