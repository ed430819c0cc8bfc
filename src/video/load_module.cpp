#include "video/load_module.hpp"

#include <fmt/format.h>

#include "core/load_module.hpp"
#include "sapiens/error.hpp"
#include "sapiens/video.hpp"

namespace sapiens {
namespace video {
namespace {

constexpr const char* kBuildHint =
    "install OpenCV's videoio (Debian, Ubuntu: apt-get install libopencv-videoio-dev) and build "
    "sapiens again; a module that lies elsewhere is found with SAPIENS_MODULE_DIR=its/folder";
constexpr const char* kRuntimeHint =
    "install OpenCV's videoio (Debian, Ubuntu: apt-get install libopencv-videoio-dev)";
constexpr const char* kVersionHint = "install sapiens again, as a whole";

}  // namespace

const Module* load_module(ModuleMissing& missing) {
  const ModuleSearch search = find_in_module(kModuleFile, kModuleEntry);
  if (!search.function) {
    missing = {search.reason, search.is_there ? kRuntimeHint : kBuildHint};
    return nullptr;
  }
  const Module* const module = reinterpret_cast<ModuleEntry>(search.function)();
  if (module && module->version == kModuleVersion) return module;
  missing = {fmt::format("{} belongs to another version of sapiens", kModuleFile), kVersionHint};
  return nullptr;
}

const Module& require_module(std::string_view file) {
  ModuleMissing missing;
  if (const Module* const module = load_module(missing)) return *module;
  throw Error(ErrorCode::UnsupportedFormat, {.summary = "this sapiens cannot use videos or cameras",
                                             .file = std::string(file),
                                             .actual = missing.reason,
                                             .hint = missing.hint});
}

}  // namespace video

bool video_available(std::string* why) {
  video::ModuleMissing missing;
  if (video::load_module(missing)) return true;
  if (why) *why = fmt::format("{}; {}", missing.reason, missing.hint);
  return false;
}

}  // namespace sapiens
