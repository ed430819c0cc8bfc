#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/find_part.hpp"
#include "sapiens/error.hpp"
#include "sapiens/video.hpp"
#include "video/module.hpp"

namespace sapiens {
namespace video {
namespace {

constexpr const char* kVideoio =
    "OpenCV's videoio (Debian, Ubuntu: apt-get install libopencv-videoio-dev)";

/// Why the module is not available, and how to install it.
struct Missing {
  std::string reason = {};
  std::string hint = fmt::format("install {}", kVideoio);
};

// The loader of glibc reports it as text, and not always with errno.
bool mentions_memory(std::string_view reason) {
  constexpr std::string_view kWords[] = {"failed to map segment", "cannot allocate",
                                         "cannot map zero-fill", "Cannot allocate memory",
                                         "out of memory"};
  return std::ranges::any_of(
      kWords, [&](std::string_view words) { return reason.find(words) != reason.npos; });
}

/// The function that returns the module's table; null with `missing` filled where there is none.
/// The module is loaded on first use and never unloaded (GLib and others do not support that).
void* find_entry(Missing& missing) {
  const std::filesystem::path file = find_part(kModuleFile);
  if (file.empty()) {
    missing = {fmt::format("the module {} is not there", kModuleFile),
               fmt::format("install {} and build sapiens again; a module that lies elsewhere is "
                           "found with SAPIENS_MODULE_DIR=its/folder",
                           kVideoio)};
    return nullptr;
  }
  // RTLD_LOCAL hides the symbols of the module's libraries from the rest of the process.
  void* const handle = ::dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
  if (!handle) {
    const char* const why = ::dlerror();
    missing.reason = fmt::format("the module cannot be loaded: {}", why ? why : "no reason");
    if (mentions_memory(missing.reason)) {
      missing.hint = "allow more memory or address space (ulimit -v)";
    }
    return nullptr;
  }
  void* const function = ::dlsym(handle, kModuleEntry);
  if (!function) missing.reason = fmt::format("{} is no module of sapiens", file.string());
  return function;
}

const Module* load_module(Missing& missing) {
  using Entry = const Module* (*)() noexcept;
  const auto entry = reinterpret_cast<Entry>(find_entry(missing));
  if (!entry) return nullptr;
  const Module* const module = entry();
  if (module && module->version == kModuleVersion) return module;
  missing = {fmt::format("{} belongs to another version of sapiens", kModuleFile),
             "install sapiens again, as a whole"};
  return nullptr;
}

}  // namespace

const Module& require_module(std::string_view file) {
  Missing missing;
  if (const Module* const module = load_module(missing)) return *module;
  throw Error(ErrorCode::UnsupportedFormat, {.summary = "this sapiens cannot use videos or cameras",
                                             .file = std::string(file),
                                             .actual = missing.reason,
                                             .hint = missing.hint});
}

}  // namespace video

bool video_available(std::string* why) {
  video::Missing missing;
  if (video::load_module(missing)) return true;
  if (why) *why = missing.reason + "; " + missing.hint;
  return false;
}

}  // namespace sapiens
