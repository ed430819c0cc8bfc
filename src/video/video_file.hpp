#pragma once

#include <filesystem>
#include <string>

#include "core/open_file.hpp"
#include "image/file_kind.hpp"

namespace sapiens::video {

/// An open regular file and its kind by its first bytes.
struct VideoFile {
  Descriptor descriptor;
  FileKind kind;

  /// A name of exactly this file for libraries that need one. It contains no protocol ("http:"),
  /// pattern ("%03d") or extension, which FFmpeg would act upon.
  std::string plain_name() const;
};

/// Throws `Error` as `open_regular_file` does, and NotFound when reading fails.
VideoFile open_video_file(const std::filesystem::path& path);

}  // namespace sapiens::video
