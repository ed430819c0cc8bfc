#include "video/video_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "sapiens/error.hpp"
#include "sapiens/video.hpp"

namespace sapiens {
namespace video {
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

}  // namespace

std::string VideoFile::plain_name() const {
  return fmt::format("/proc/self/fd/{}", descriptor.number());
}

VideoFile open_video_file(const std::filesystem::path& path) {
  Descriptor descriptor = open_regular_file(path);
  std::array<std::byte, kHead> head{};
  ::ssize_t count = -1;
  do {
    count = ::pread(descriptor.number(), head.data(), head.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) fail_to_read(path, "the file cannot be read", errno);
  const FileKind kind = detect_file_kind(std::span(head).first(static_cast<std::size_t>(count)));
  return {std::move(descriptor), kind};
}

}  // namespace video

bool is_video_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) return false;
  try {
    const ImageFormat format = video::open_video_file(path).kind.format;
    if (format == ImageFormat::Video) return true;
    if (format != ImageFormat::Other && format != ImageFormat::Unknown) return false;
  } catch (const Error&) {
    // A file that cannot be read is classified by its name; opening it reports the error.
  }
  return video::has_video_name(path);
}

}  // namespace sapiens
