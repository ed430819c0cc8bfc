#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <new>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/open_file.hpp"
#include "image/file_kind.hpp"
#include "image/pixels.hpp"
#include "sapiens/error.hpp"
#include "sapiens/video.hpp"
#include "video/frame_times.hpp"
#include "video/module.hpp"

namespace sapiens {
namespace {

constexpr std::size_t kHead = 512;

constexpr std::array<std::string_view, 17> kEndings = {
    ".3gp",  ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv",  ".mov", ".mp4",
    ".mpeg", ".mpg", ".mts", ".mxf", ".ogv",  ".ts",  ".webm", ".wmv"};

bool has_video_name(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) {
    if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return std::ranges::find(kEndings, ending) != kEndings.end();
}

/// An open regular file and its kind by its first bytes.
struct VideoFile {
  OpenFile file;
  FileKind kind;

  /// A name of exactly this file for libraries that need one. It contains no protocol ("http:"),
  /// pattern ("%03d") or extension, which FFmpeg would act upon.
  std::string plain_name() const { return fmt::format("/proc/self/fd/{}", file.number()); }
};

/// Throws `Error` as `open_regular_file` does, and NotFound when reading fails.
VideoFile open_video_file(const std::filesystem::path& path) {
  OpenFile file(path);
  std::array<std::byte, kHead> head{};
  const ::ssize_t count =
      uninterrupted([&] { return ::pread(file.number(), head.data(), head.size(), 0); });
  if (count < 0) fail_to_read(path, "the file cannot be read", errno);
  const FileKind kind = detect_file_kind(std::span(head).first(static_cast<std::size_t>(count)));
  return {std::move(file), kind};
}

// A header with larger values is damaged.
constexpr double kMaxFrames = 1e12;
constexpr double kMaxReadRate = 1e6;

double value_within(double value, double max) {
  return std::isfinite(value) && value > 0 && value <= max ? value : 0;
}

[[noreturn]] void throw_no_video(const std::string& name, const FileKind& kind) {
  throw Error(ErrorCode::UnsupportedFormat,
              {.summary = "this is not a video",
               .file = name,
               .actual = std::string(kind.description),
               .hint = kind.hint.empty() ? "give it as an image" : std::string(kind.hint)});
}

[[noreturn]] void throw_cannot_open(const std::string& name, const FileKind& kind,
                                    const std::string& reason) {
  const bool video = kind.format == ImageFormat::Video;
  throw Error(video ? ErrorCode::CorruptFile : ErrorCode::UnsupportedFormat,
              {.summary = "the video cannot be opened",
               .file = name,
               .expected = "a whole file with a video stream that FFmpeg can decode",
               .actual = reason.empty() ? std::string(kind.description)
                                        : fmt::format("{}: {}", kind.description, reason),
               .hint = video ? "the file is incomplete, or has no images in it; if it plays "
                               "elsewhere, convert it, e.g. `ffmpeg -i INPUT output.mp4`"
                             : "check the path"});
}

[[noreturn]] void throw_frame(video::Outcome outcome, const std::string& name,
                              const std::string& reason) {
  if (outcome == video::Outcome::OutOfMemory) {
    throw Error(ErrorCode::OutOfResources,
                {.summary = "not enough memory for a frame of the video", .file = name});
  }
  throw Error(
      ErrorCode::CorruptFile,
      {.summary = "a frame of the video cannot be decoded", .file = name, .actual = reason});
}

void convert(const video::Frame& frame, Image& image) try {
  image.width = frame.width;
  image.height = frame.height;
  image.rgb.resize(static_cast<std::size_t>(image.width * image.height * 3));
  cv::Mat target = as_mat(image);
  // OpenCV has no matrix of constant numbers; this one is an input only.
  cv::cvtColor(cv::Mat(frame.height, frame.width, CV_8UC3, const_cast<std::uint8_t*>(frame.bgr),
                       frame.stride),
               target, cv::COLOR_BGR2RGB);
} catch (...) {
  rethrow_from_opencv();
}

}  // namespace

bool is_video_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) return false;
  try {
    const ImageFormat format = open_video_file(path).kind.format;
    if (format == ImageFormat::Video) return true;
    if (format != ImageFormat::Other && format != ImageFormat::Unknown) return false;
  } catch (const Error&) {
    // A file that cannot be read is classified by its name; opening it reports the error.
  }
  return has_video_name(path);
}

struct VideoReader::Impl {
  std::string name;
  std::optional<OpenFile> file;  ///< Nothing for a camera, which has no end.
  const video::Module* module = nullptr;
  std::unique_ptr<video::FrameSource> source;
  Index frames_read = 0;
  video::FrameTimes times = video::FrameTimes();

  bool grab();
  /// Frames may be of two versions where another program writes to the file.
  void require_unchanged() const {
    if (file) file->require_unchanged();
  }
};

bool VideoReader::Impl::grab() {
  module->forget_reason();
  const video::Outcome outcome = source->grab();
  require_unchanged();
  if (outcome == video::Outcome::Done) {
    ++frames_read;
    times.add(source->position());
    return true;
  }
  if (outcome != video::Outcome::End) throw_frame(outcome, name, video::reason_of(*module));
  if (!file) {
    throw Error(ErrorCode::NotFound, {.summary = "the camera stopped delivering images",
                                      .file = name,
                                      .hint = "is it still connected?"});
  }
  if (frames_read == 0) {
    throw Error(ErrorCode::CorruptFile, {.summary = "the video has no frame that can be decoded",
                                         .file = name,
                                         .actual = video::reason_of(*module)});
  }
  return false;
}

VideoReader::VideoReader(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
VideoReader::VideoReader(VideoReader&&) noexcept = default;
VideoReader& VideoReader::operator=(VideoReader&&) noexcept = default;
VideoReader::~VideoReader() = default;

VideoReader VideoReader::open(const std::filesystem::path& path) {
  const std::string name = path.string();
  VideoFile file = open_video_file(path);
  if (file.kind.format != ImageFormat::Video && file.kind.format != ImageFormat::Unknown) {
    throw_no_video(name, file.kind);  // Includes text: playlists refer to other files.
  }
  const video::Module& module = video::require_module(name);
  module.forget_reason();
  auto source = video::open_part<video::FrameSource>([&](video::FrameSource*& opened) {
    return module.open_file(file.plain_name().c_str(), opened);
  });
  if (!source || source->width() <= 0 || source->height() <= 0) {
    throw_cannot_open(name, file.kind, video::reason_of(module));
  }
  const double rate = value_within(source->rate(), kMaxReadRate);
  return VideoReader(std::make_unique<Impl>(Impl{.name = name,
                                                 .file = std::move(file.file),
                                                 .module = &module,
                                                 .source = std::move(source),
                                                 .times = video::FrameTimes(rate)}));
}

VideoReader VideoReader::camera(int index) {
  if (index < 0) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "cameras are counted from 0", .actual = std::to_string(index)});
  }
  const std::string name = fmt::format("/dev/video{}", index);
  std::error_code error;
  if (!std::filesystem::is_character_file(name, error)) {
    throw Error(ErrorCode::NotFound,
                {.summary = "there is no such camera",
                 .file = name,
                 .hint = "`ls /dev/video*` shows which there are; a container sees only those it "
                         "is given"});
  }
  const video::Module& module = video::require_module(name);
  auto source = video::open_part<video::FrameSource>(
      [&](video::FrameSource*& opened) { return module.open_camera(index, opened); });
  if (!source) {
    throw Error(ErrorCode::NotFound,
                {.summary = "the camera cannot be opened",
                 .file = name,
                 .hint = "it may be in use, it may be no camera, or you may not be in the group "
                         "`video`"});
  }
  const double rate = value_within(source->rate(), kMaxReadRate);
  return VideoReader(std::make_unique<Impl>(Impl{.name = name,
                                                 .file = std::nullopt,
                                                 .module = &module,
                                                 .source = std::move(source),
                                                 .times = video::FrameTimes(rate, true)}));
}

double VideoReader::rate() const noexcept {
  return value_within(impl_->source->rate(), kMaxReadRate);
}

Index VideoReader::frames() const noexcept {
  if (!impl_->file) return 0;
  return static_cast<Index>(value_within(impl_->source->frames(), kMaxFrames));
}

Index VideoReader::width() const noexcept { return impl_->source->width(); }
Index VideoReader::height() const noexcept { return impl_->source->height(); }
Index VideoReader::frames_read() const noexcept { return impl_->frames_read; }
double VideoReader::seconds() const noexcept { return impl_->times.seconds(); }
Index VideoReader::frames_without_time() const noexcept { return impl_->times.guessed(); }

bool VideoReader::read(Image& frame) {
  if (!impl_->grab()) return false;
  retrieve(frame);
  return true;
}

void VideoReader::retrieve(Image& frame) {
  if (impl_->frames_read == 0) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "no frame has been read or skipped yet", .file = impl_->name});
  }
  video::Frame decoded;
  const video::Outcome outcome = impl_->source->retrieve(decoded);
  if (outcome != video::Outcome::Done) {
    throw_frame(outcome, impl_->name, video::reason_of(*impl_->module));
  }
  try {
    convert(decoded, frame);
  } catch (const std::bad_alloc&) {
    throw_frame(video::Outcome::OutOfMemory, impl_->name, {});
  }
}

bool VideoReader::skip() { return impl_->grab(); }

}  // namespace sapiens
