#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <new>
#include <opencv2/imgproc.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/atomic_file.hpp"
#include "image/pixels.hpp"
#include "sapiens/error.hpp"
#include "sapiens/video.hpp"
#include "video/module.hpp"

namespace sapiens {
namespace {

// The largest side that H.264 and Motion JPEG support.
constexpr Index kMaxSide = 16384;
constexpr double kMaxWrittenRate = 1000;

/// The codecs of a container, the preferred one first.
struct Container {
  std::string_view ending;
  std::array<const char*, 2> codes;  ///< Null where there is no second.
};

constexpr Container kContainers[] = {
    {".mp4", {"avc1", "mp4v"}},
    {".m4v", {"avc1", "mp4v"}},
    {".mov", {"avc1", "mp4v"}},
    {".avi", {"MJPG", nullptr}},
};

const Container& container_of(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) {
    if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const auto* found = std::ranges::find(kContainers, ending, &Container::ending);
  if (found != std::end(kContainers)) return *found;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the extension of a video selects its format",
               .file = path.string(),
               .expected = "a name that ends in .mp4, .m4v, .mov or .avi",
               .actual = ending.empty() ? "no ending" : ending});
}

void expect_format(const std::string& name, double rate, Index width, Index height) {
  if (!std::isfinite(rate) || rate <= 0 || rate > kMaxWrittenRate) {
    throw Error(
        ErrorCode::InvalidArgument,
        {.summary = "a video cannot have this rate",
         .file = name,
         .expected = fmt::format("above 0 and at most {} frames per second", kMaxWrittenRate),
         .actual = fmt::format("{}", rate)});
  }
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "a video cannot have this size",
                 .file = name,
                 .expected = fmt::format("1 to {} pixels wide and high", kMaxSide),
                 .actual = fmt::format("{} x {} (width x height)", width, height)});
  }
}

bool disk_is_full(const std::filesystem::path& file) {
  struct ::statvfs disk {};
  if (::statvfs(file.c_str(), &disk) != 0 || disk.f_blocks == 0) return false;
  return (::geteuid() == 0 ? disk.f_bfree : disk.f_bavail) == 0;
}

int even(Index length) { return static_cast<int>(length + length % 2); }

}  // namespace

struct VideoWriter::Impl {
  Impl(const std::filesystem::path& target, const Container& container, double rate,
       Index frame_width, Index frame_height);

  void write(const Image& frame);
  void finish();
  void expect_unfinished() const;
  [[noreturn]] void fail(const char* summary) const;

  std::string name;
  const video::Module& module;
  Index width, height;
  Index frames = 0;
  bool finished = false;
  AtomicFile file;
  std::unique_ptr<video::FrameSink> sink;  // Closed before its file is renamed or removed.
  cv::Mat bgr, padded;
};

VideoWriter::Impl::Impl(const std::filesystem::path& target, const Container& container,
                        double rate, Index frame_width, Index frame_height)
    : name(target.string()),
      module(video::require_module(name)),
      width(frame_width),
      height(frame_height),
      file(target, container.ending) {
  module.forget_reason();
  // An absolute path, so that text before a colon is not taken for a protocol.
  const std::string path = std::filesystem::absolute(file.temporary_path()).string();
  for (const char* code : container.codes) {
    if (code && !sink) {
      sink = video::open_part<video::FrameSink>([&](video::FrameSink*& created) {
        return module.create_file(path.c_str(), code, rate, even(width), even(height), created);
      });
    }
  }
  if (!sink) {
    throw Error(
        ErrorCode::UnsupportedFormat,
        {.summary = "no encoder for this video",
         .file = name,
         .actual = fmt::format("{} x {} pixels, {} frames per second{}{}", width, height, rate,
                               *module.reason() ? "; " : "", video::reason_of(module)),
         .hint = "choose another size, or .avi"});
  }
}

void VideoWriter::Impl::fail(const char* summary) const {
  const bool full = disk_is_full(file.temporary_path());
  throw Error(full ? ErrorCode::OutOfResources : ErrorCode::WriteFailed,
              {.summary = summary,
               .file = name,
               .actual = full ? "the disk is full" : video::reason_of(module),
               .hint = full ? "free some space, or write to another disk"
                            : "is there room on the disk, and may files grow that large?"});
}

void VideoWriter::Impl::expect_unfinished() const {
  if (!finished) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "this video has been finished already", .file = name});
}

void VideoWriter::Impl::write(const Image& frame) try {
  expect_unfinished();
  expect_pixels("the frame to write", frame);
  if (frame.width != width || frame.height != height) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "a frame differs in size from its video",
                 .file = name,
                 .expected = fmt::format("{} x {} (width x height)", width, height),
                 .actual = fmt::format("{} x {}", frame.width, frame.height)});
  }
  cv::cvtColor(as_mat(frame), bgr, cv::COLOR_RGB2BGR);
  cv::copyMakeBorder(bgr, padded, 0, static_cast<int>(height % 2), 0, static_cast<int>(width % 2),
                     cv::BORDER_REPLICATE);
  module.forget_reason();
  const video::Outcome outcome = sink->write(
      {.bgr = padded.data, .width = padded.cols, .height = padded.rows, .stride = padded.step[0]});
  if (outcome == video::Outcome::OutOfMemory) throw std::bad_alloc();
  // OpenCV does not report whether a frame was stored, so a full disk is detected here and not at
  // the end of a long run.
  if (outcome != video::Outcome::Done || disk_is_full(file.temporary_path())) {
    fail("a frame of the video cannot be written");
  }
  ++frames;
} catch (...) {
  rethrow_from_opencv();
}

// OpenCV does not report write errors. FFmpeg stops at the first one, and then the file lacks what
// is written last, the index and the number of frames, so these are read back.
void VideoWriter::Impl::finish() {
  expect_unfinished();
  if (frames == 0) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "a video needs at least one frame", .file = name});
  }
  module.forget_reason();
  sink->finish();
  finished = true;
  const std::string path = std::filesystem::absolute(file.temporary_path()).string();
  const auto written = video::open_part<video::FrameSource>(
      [&](video::FrameSource*& opened) { return module.open_file(path.c_str(), opened); });
  if (!written || written->frames() != static_cast<double>(frames)) {
    fail("the video could not be written completely");
  }
  file.commit();
}

VideoWriter::VideoWriter(const std::filesystem::path& path, double rate, Index width,
                         Index height) {
  expect_format(path.string(), rate, width, height);
  impl_ = std::make_unique<Impl>(path, container_of(path), rate, width, height);
}
VideoWriter::VideoWriter(VideoWriter&&) noexcept = default;
VideoWriter& VideoWriter::operator=(VideoWriter&&) noexcept = default;
VideoWriter::~VideoWriter() = default;

void VideoWriter::write(const Image& frame) {
  try {
    impl_->write(frame);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfResources,
                {.summary = "not enough memory for a frame of the video", .file = impl_->name});
  }
}

void VideoWriter::finish() { impl_->finish(); }

}  // namespace sapiens
