// The module sapiens_videoio: the only code that is linked to OpenCV's videoio, and with it to a
// couple of hundred libraries. It is loaded once and never unloaded.
#include <dlfcn.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/videoio.hpp>
#include <utility>

#include "video/module.hpp"

namespace sapiens::video {
namespace {

thread_local char last_reason[256] = "";

using LogCallback = void (*)(void*, int, const char*, std::va_list);

void keep_reason(void*, int level, const char* format, std::va_list arguments) {
  constexpr int kLogError = 16;  // AV_LOG_ERROR; above the low byte are colours
  if ((level & 0xff) <= kLogError) {
    std::vsnprintf(last_reason, sizeof last_reason, format, arguments);
  }
}

// Libraries do not print. FFmpeg's sink is one per process and has no handle, so it is set here,
// once; FFmpeg is found among what this module brought along, which saves its headers.
// OPENCV_FFMPEG_DEBUG=1 makes OpenCV install its own, printing sink later.
bool silence() {
  if (!std::getenv("OPENCV_LOG_LEVEL")) {
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  }
  if (void* const set_callback = ::dlsym(RTLD_DEFAULT, "av_log_set_callback")) {
    reinterpret_cast<void (*)(LogCallback)>(set_callback)(keep_reason);
  }
  return true;
}

// Runs `body` and turns exceptions of OpenCV into an outcome.
template <typename Body>
Outcome guarded(Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Outcome::OutOfMemory;
  } catch (const cv::Exception& exception) {
    std::snprintf(last_reason, sizeof last_reason, "%s", exception.err.c_str());
    return exception.code == cv::Error::StsNoMem ? Outcome::OutOfMemory : Outcome::Failed;
  } catch (...) {
    return Outcome::Failed;
  }
}

// Degrees, clockwise, by which frames must be turned to stand upright. Release 4.6.0, the one of
// Debian 12 and Ubuntu 24.04, has the sign wrong (OpenCV issue 22088), so that its own rotation
// turns portraits of phones upside down.
int clockwise_turn(const cv::VideoCapture& capture) {
  const int degrees = cvRound(capture.get(cv::CAP_PROP_ORIENTATION_META));
  const bool wrong_sign =
      cv::getVersionMajor() == 4 && cv::getVersionMinor() == 6 && cv::getVersionRevision() == 0;
  return ((wrong_sign ? -degrees : degrees) % 360 + 360) % 360;
}

class Capture final : public FrameSource {
 public:
  explicit Capture(const cv::VideoCapture& capture, int turn) : capture_(capture), turn_(turn) {}

  double rate() const noexcept override { return number(cv::CAP_PROP_FPS); }
  double frames() const noexcept override { return number(cv::CAP_PROP_FRAME_COUNT); }
  int width() const noexcept override {
    return cvRound(number(sideways() ? cv::CAP_PROP_FRAME_HEIGHT : cv::CAP_PROP_FRAME_WIDTH));
  }
  int height() const noexcept override {
    return cvRound(number(sideways() ? cv::CAP_PROP_FRAME_WIDTH : cv::CAP_PROP_FRAME_HEIGHT));
  }

  Outcome grab() noexcept override {
    return guarded([&] { return capture_.grab() ? Outcome::Done : Outcome::End; });
  }

  double position() const noexcept override { return number(cv::CAP_PROP_POS_MSEC); }

  Outcome retrieve(Frame& frame) noexcept override {
    return guarded([&] {
      if (!capture_.retrieve(decoded_) || decoded_.type() != CV_8UC3) return Outcome::Failed;
      const cv::Mat& image = upright();
      frame = {
          .bgr = image.data, .width = image.cols, .height = image.rows, .stride = image.step[0]};
      return Outcome::Done;
    });
  }

 private:
  bool sideways() const noexcept { return turn_ == 90 || turn_ == 270; }

  double number(int property) const noexcept {
    double value = 0;
    guarded([&] {
      value = capture_.get(property);
      return Outcome::Done;
    });
    return value;
  }

  const cv::Mat& upright() {
    if (turn_ == 90) {
      cv::rotate(decoded_, turned_, cv::ROTATE_90_CLOCKWISE);
    } else if (turn_ == 180) {
      cv::rotate(decoded_, turned_, cv::ROTATE_180);
    } else if (turn_ == 270) {
      cv::rotate(decoded_, turned_, cv::ROTATE_90_COUNTERCLOCKWISE);
    } else {
      return decoded_;
    }
    return turned_;
  }

  cv::VideoCapture capture_;
  int turn_;
  cv::Mat decoded_, turned_;
};

class Writer final : public FrameSink {
 public:
  explicit Writer(const cv::VideoWriter& writer) : writer_(writer) {}

  Outcome write(const Frame& frame) noexcept override {
    return guarded([&] {
      // OpenCV has no matrix of constant numbers; it only reads this one.
      writer_.write(cv::Mat(frame.height, frame.width, CV_8UC3,
                            const_cast<std::uint8_t*>(frame.bgr), frame.stride));
      return Outcome::Done;
    });
  }

  void finish() noexcept override {
    guarded([&] {
      writer_.release();
      return Outcome::Done;
    });
  }

 private:
  cv::VideoWriter writer_;
};

// The back ends are named: left to itself, OpenCV tries GStreamer, which starts processes to look
// through its plugins, and reads "frame_%03d.png" as a pattern.
Outcome open_file(const char* path, FrameSource*& source) noexcept {
  return guarded([&] {
    cv::VideoCapture capture(
        path, cv::CAP_FFMPEG,
        {cv::CAP_PROP_HW_ACCELERATION, static_cast<int>(cv::VIDEO_ACCELERATION_NONE)});
    if (!capture.isOpened()) return Outcome::Failed;
    const int turn = clockwise_turn(capture);
    capture.set(cv::CAP_PROP_ORIENTATION_AUTO, 0);
    source = std::make_unique<Capture>(capture, turn).release();
    return Outcome::Done;
  });
}

Outcome open_camera(int index, FrameSource*& source) noexcept {
  return guarded([&] {
    cv::VideoCapture capture(index, cv::CAP_V4L2);
    if (!capture.isOpened()) return Outcome::Failed;
    source = std::make_unique<Capture>(capture, 0).release();
    return Outcome::Done;
  });
}

Outcome create_file(const char* path, const char* code, double rate, int width, int height,
                    FrameSink*& sink) noexcept {
  return guarded([&] {
    cv::VideoWriter writer(
        path, cv::CAP_FFMPEG, cv::VideoWriter::fourcc(code[0], code[1], code[2], code[3]), rate,
        cv::Size(width, height),
        {cv::VIDEOWRITER_PROP_HW_ACCELERATION, static_cast<int>(cv::VIDEO_ACCELERATION_NONE)});
    if (!writer.isOpened()) return Outcome::Failed;
    sink = std::make_unique<Writer>(writer).release();
    return Outcome::Done;
  });
}

const char* reason() noexcept { return last_reason; }
void forget_reason() noexcept { last_reason[0] = '\0'; }

constexpr Module kModule = {.version = kModuleVersion,
                            .open_file = open_file,
                            .open_camera = open_camera,
                            .create_file = create_file,
                            .reason = reason,
                            .forget_reason = forget_reason};

}  // namespace
}  // namespace sapiens::video

extern "C" __attribute__((visibility("default"))) const void* sapiens_videoio_module() noexcept {
  try {
    static const bool silent = sapiens::video::silence();
    return silent ? &sapiens::video::kModule : nullptr;
  } catch (...) {
    return nullptr;
  }
}
