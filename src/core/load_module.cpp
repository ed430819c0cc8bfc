#include "core/load_module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include "core/find_part.hpp"
#include "core/memory_in_use.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// Why a module is not available, and how to install it.
struct MissingModule {
  std::string reason = {};
  std::string hint = {};
  bool lacks_memory = false;
};

// The loader of glibc reports it as text, and not always with errno.
bool mentions_memory(std::string_view reason) {
  constexpr std::string_view kWords[] = {"failed to map segment", "cannot allocate",
                                         "cannot map zero-fill", "Cannot allocate memory",
                                         "out of memory"};
  return std::ranges::any_of(
      kWords, [&](std::string_view words) { return reason.find(words) != reason.npos; });
}

// The function that returns the module's table; null with `missing` filled where there is none.
void* find_entry(const ModuleFile& name, MissingModule& missing) {
  missing.hint = fmt::format("install {}", name.needs);
  const std::filesystem::path file = find_part(name.file);
  if (file.empty()) {
    missing = {fmt::format("the module {} is not there", name.file),
               fmt::format("install {} and build sapiens again; a module that lies elsewhere is "
                           "found with SAPIENS_MODULE_DIR=its/folder",
                           name.needs)};
    return nullptr;
  }
  // RTLD_LOCAL hides the symbols of the module's libraries from the rest of the process; GLib and
  // others do not support being unloaded.
  void* const handle = ::dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
  if (!handle) {
    const char* const why = ::dlerror();
    missing.reason = fmt::format("the module cannot be loaded: {}", why ? why : "no reason");
    if (mentions_memory(missing.reason)) {
      missing.lacks_memory = true;
      missing.reason += "; " + memory_in_use();
      missing.hint = "allow more memory or address space (ulimit -v)";
    }
    return nullptr;
  }
  void* const function = ::dlsym(handle, name.entry);
  if (!function) missing.reason = fmt::format("{} is no module of sapiens", file.string());
  return function;
}

// The table of the module; null with `missing` filled where there is none.
const void* load_module(const ModuleFile& name, MissingModule& missing) {
  using Entry = const void* (*)() noexcept;
  const auto entry = reinterpret_cast<Entry>(find_entry(name, missing));
  if (!entry) return nullptr;
  const void* const table = entry();
  if (table && *static_cast<const std::uint32_t*>(table) == name.version) return table;
  missing = {fmt::format("{} belongs to another version of sapiens", name.file),
             "install sapiens again, as a whole"};
  return nullptr;
}

}  // namespace

const void* require_module(const ModuleFile& module, std::string used_for) {
  MissingModule missing;
  if (const void* const table = load_module(module, missing)) return table;
  throw Error(missing.lacks_memory ? ErrorCode::OutOfResources : ErrorCode::UnsupportedFormat,
              {.summary = module.absent,
               .file = std::move(used_for),
               .actual = missing.reason,
               .hint = missing.hint});
}

bool module_available(const ModuleFile& module, std::string* why) {
  MissingModule missing;
  if (load_module(module, missing)) return true;
  if (why) *why = missing.reason + "; " + missing.hint;
  return false;
}

}  // namespace sapiens
