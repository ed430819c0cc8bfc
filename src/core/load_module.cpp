#include "core/load_module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;

/// The program or shared library that holds this code; empty where the system does not say.
fs::path own_file() {
  Dl_info info{};
  ::link_map* map = nullptr;
  const auto* here = reinterpret_cast<const void*>(&find_part);
  std::error_code error;
  if (::dladdr1(here, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0) return {};
  // The main program has no name in the list, and argv[0] may be anything.
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
  // Empty in the build of a wheel, whose place is not known.
  constexpr std::string_view kInstalled = SAPIENS_INSTALLED_MODULES;
  if (!kInstalled.empty()) found.emplace_back(kInstalled);
  return found;
}

// The loader of glibc reports it as text, and not always with errno.
bool mentions_memory(std::string_view reason) {
  constexpr std::string_view kWords[] = {"failed to map segment", "cannot allocate",
                                         "cannot map zero-fill", "Cannot allocate memory",
                                         "out of memory"};
  return std::ranges::any_of(
      kWords, [&](std::string_view words) { return reason.find(words) != reason.npos; });
}

void* load(const fs::path& file, const char* entry, ModuleMissing& missing) {
  // RTLD_LOCAL hides the symbols of the module's libraries from the rest of the process.
  void* const handle = ::dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
  if (!handle) {
    const char* const why = ::dlerror();
    missing.reason = fmt::format("the module cannot be loaded: {}", why ? why : "no reason");
    missing.is_short_of_memory = mentions_memory(missing.reason);
    if (missing.is_short_of_memory) {
      missing.hint = "allow more memory or address space (ulimit -v)";
    }
    return nullptr;
  }
  void* const function = ::dlsym(handle, entry);
  if (!function) missing.reason = fmt::format("{} is no module of sapiens", file.string());
  return function;
}

}  // namespace

fs::path find_part(const char* file) {
  std::error_code error;
  for (const fs::path& folder : folders()) {
    // An absolute path, because dlopen() would search its own folders for a bare name.
    const fs::path path = fs::absolute(folder / file, error);
    if (!error && fs::is_regular_file(path, error)) return path;
  }
  return {};
}

void* find_in_module(const ModuleKind& kind, ModuleMissing& missing) {
  if (const fs::path path = find_part(kind.file); !path.empty()) {
    missing.hint = fmt::format("install {}", kind.runs_with);
    return load(path, kind.entry, missing);
  }
  missing = {fmt::format("the module {} is not there", kind.file),
             fmt::format("install {} and build sapiens again; a module that lies elsewhere is "
                         "found with SAPIENS_MODULE_DIR=its/folder",
                         kind.built_with)};
  return nullptr;
}

ModuleMissing of_another_version(const ModuleKind& kind) {
  return {fmt::format("{} belongs to another version of sapiens", kind.file),
          "install sapiens again, as a whole"};
}

void refuse_without(const char* summary, ModuleMissing missing) {
  throw Error(
      missing.is_short_of_memory ? ErrorCode::OutOfResources : ErrorCode::InvalidArgument,
      {.summary = summary, .actual = std::move(missing.reason), .hint = std::move(missing.hint)});
}

}  // namespace sapiens
