#pragma once

#include <filesystem>
#include <string>

#include "core/open_file.hpp"
#include "image/file_kind.hpp"

namespace sapiens::video {

/// A regular file that is open, and what it looks like by its first bytes.
struct VideoFile {
  Descriptor descriptor;
  FileKind kind;

  /// A name of this very file for libraries that want one. It holds no protocol ("http:"), no
  /// pattern ("%03d") and no ending, which FFmpeg would all act upon.
  std::string plain_name() const;
};

/// Throws `Error` as `open_regular_file` does, and NotFound when reading fails.
VideoFile open_video_file(const std::filesystem::path& path);

}  // namespace sapiens::video
