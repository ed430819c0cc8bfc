#include "video/load_module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "sapiens/error.hpp"
#include "sapiens/video.hpp"

namespace sapiens {
namespace video {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBuildHint =
    "install OpenCV's videoio (Debian, Ubuntu: apt-get install libopencv-videoio-dev) and build "
    "sapiens again; a module that lies elsewhere is found with SAPIENS_MODULE_DIR=its/folder";
constexpr const char* kRuntimeHint =
    "install OpenCV's videoio (Debian, Ubuntu: apt-get install libopencv-videoio-dev)";
constexpr const char* kVersionHint = "install sapiens again, as a whole";

/// The program or shared library that holds this code; empty where the system does not say.
fs::path own_file() {
  Dl_info info{};
  ::link_map* map = nullptr;
  const auto* here = reinterpret_cast<const void*>(&load_module);
  std::error_code error;
  if (::dladdr1(here, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0) return {};
  // A program has no name there, and argv[0] may be anything.
  const bool program = !map->l_name || *map->l_name == '\0';
  return fs::canonical(program ? "/proc/self/exe" : map->l_name, error);
}

std::vector<fs::path> folders() {
  const char* const chosen = std::getenv("SAPIENS_MODULE_DIR");
  if (chosen && *chosen != '\0') return {chosen};
  std::vector<fs::path> found;
  if (const fs::path file = own_file(); !file.empty()) {
    const fs::path folder = file.parent_path();
    found = {folder, folder / "sapiens", folder / ".." / SAPIENS_LIBDIR / "sapiens"};
  }
  found.emplace_back(SAPIENS_INSTALLED_MODULES);
  return found;
}

const Module* load(const fs::path& file, ModuleMissing& missing) {
  // Its couple of hundred libraries stay out of everybody else's sight.
  void* const handle = ::dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
  if (!handle) {
    missing = {fmt::format("the module cannot be loaded: {}", ::dlerror()), kRuntimeHint};
    return nullptr;
  }
  const auto entry = reinterpret_cast<ModuleEntry>(::dlsym(handle, kModuleEntry));
  const Module* const module = entry ? entry() : nullptr;
  if (module && module->version == kModuleVersion) return module;
  missing = {fmt::format("{} belongs to another version of sapiens", file.string()), kVersionHint};
  return nullptr;
}

}  // namespace

const Module* load_module(ModuleMissing& missing) {
  std::error_code error;
  for (const fs::path& folder : folders()) {
    // An absolute path, because dlopen() would search its own folders for a bare name.
    const fs::path file = fs::absolute(folder / kModuleFile, error);
    if (!error && fs::is_regular_file(file, error)) return load(file, missing);
  }
  missing = {fmt::format("the module {} is not there", kModuleFile), kBuildHint};
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
