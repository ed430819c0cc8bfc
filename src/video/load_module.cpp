#include "video/load_module.hpp"

#include <string>

#include "core/load_module.hpp"
#include "sapiens/error.hpp"
#include "sapiens/video.hpp"

namespace sapiens {
namespace video {
namespace {

constexpr const char* kVideoio =
    "OpenCV's videoio (Debian, Ubuntu: apt-get install libopencv-videoio-dev)";
constexpr ModuleKind kKind = {.file = kModuleFile,
                              .entry = kModuleEntry,
                              .version = kModuleVersion,
                              .built_with = kVideoio,
                              .runs_with = kVideoio};

}  // namespace

const Module& require_module(std::string_view file) {
  ModuleMissing missing;
  if (const Module* const module = load_module<Module>(kKind, missing)) return *module;
  throw Error(ErrorCode::UnsupportedFormat, {.summary = "this sapiens cannot use videos or cameras",
                                             .file = std::string(file),
                                             .actual = missing.reason,
                                             .hint = missing.hint});
}

}  // namespace video

bool video_available(std::string* why) { return has_module<video::Module>(video::kKind, why); }

}  // namespace sapiens
