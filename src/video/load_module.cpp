#include "core/load_module.hpp"

#include <string>
#include <string_view>

#include "sapiens/video.hpp"
#include "video/module.hpp"

namespace sapiens {
namespace video {
namespace {

constexpr ModuleFile kName{
    .file = kModuleFile,
    .entry = kModuleEntry,
    .version = kModuleVersion,
    .needs = "OpenCV's videoio (Debian, Ubuntu: apt-get install libopencv-videoio-dev)",
    .absent = "this sapiens cannot use videos or cameras"};

}  // namespace

const Module& require_module(std::string_view file) {
  return *static_cast<const Module*>(sapiens::require_module(kName, std::string(file)));
}

std::string reason_of(const Module& module) {
  std::string reason = module.reason();
  while (!reason.empty() && (reason.back() == '\n' || reason.back() == ' ')) reason.pop_back();
  return reason;
}

}  // namespace video

bool video_available(std::string* why) { return module_available(video::kName, why); }

}  // namespace sapiens
