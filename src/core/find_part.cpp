#include "core/find_part.hpp"

#include <dlfcn.h>
#include <link.h>

#include <cstdlib>
#include <string_view>
#include <system_error>
#include <vector>

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

}  // namespace

fs::path find_part(const char* file) {
  std::error_code error;
  for (const fs::path& folder : folders()) {
    // An absolute path, because dlopen() would search its own folders for a bare name.
    fs::path path = fs::absolute(folder / file, error);
    if (!error && fs::is_regular_file(path, error)) return path;
  }
  return {};
}

}  // namespace sapiens
