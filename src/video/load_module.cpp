#include "core/load_module.hpp"

#include <string>
#include <string_view>

#include "sapiens/error.hpp"
#include "sapiens/video.hpp"
#include "video/module.hpp"

namespace sapiens {
namespace video {
namespace {

constexpr ModuleFile kName{
    .file = kModuleFile,
    .entry = kModuleEntry,
    .version = kModuleVersion,
    .needs = "OpenCV's videoio (Debian, Ubuntu: apt-get install libopencv-videoio-dev)"};

}  // namespace

const Module& require_module(std::string_view file) {
  MissingModule missing;
  if (const void* const module = load_module(kName, missing)) {
    return *static_cast<const Module*>(module);
  }
  throw Error(ErrorCode::UnsupportedFormat, {.summary = "this sapiens cannot use videos or cameras",
                                             .file = std::string(file),
                                             .actual = missing.reason,
                                             .hint = missing.hint});
}

}  // namespace video

bool video_available(std::string* why) {
  MissingModule missing;
  if (load_module(video::kName, missing)) return true;
  if (why) *why = missing.reason + "; " + missing.hint;
  return false;
}

}  // namespace sapiens
