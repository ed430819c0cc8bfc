#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

namespace sapiens {

/// A library that is loaded at run time, because it brings more libraries than most runs need. Its
/// one function returns a table of others, whose field `version` says which sapiens it is for.
struct ModuleKind {
  const char* file;
  const char* entry;  ///< The name of that function.
  std::uint32_t version;
  const char* built_with;  ///< What to install before sapiens is built: "libx (apt-get ..)".
  const char* runs_with;   ///< What to install where it was built.
};

/// Why there is no module, and what to do about it.
struct ModuleMissing {
  std::string reason = {};
  std::string hint = {};
  bool is_short_of_memory = false;  ///< It is there, and there was no room for it.
};

/// Where a file of sapiens is that is not linked to the program or library, a module or a program;
/// empty where there is none. It is looked for in the folder that SAPIENS_MODULE_DIR names or,
/// without that, beside the program or shared library that this code is in, in its folder
/// `sapiens`, in `../<lib>/sapiens`, and where it was to be installed.
std::filesystem::path find_part(const char* file);

/// The function `entry`, from a file that is loaded now or was before and is never unloaded (GLib
/// and others do not survive that); null with `missing` filled where there is none. `find_part`
/// finds the file.
void* find_in_module(const ModuleKind& kind, ModuleMissing& missing);

/// For a module that has another version.
ModuleMissing of_another_version(const ModuleKind& kind);

/// The table of a module, loaded now or before; null with `missing` filled where there is none.
template <typename Module>
const Module* load_module(const ModuleKind& kind, ModuleMissing& missing) {
  using Entry = const Module* (*)() noexcept;
  const auto entry = reinterpret_cast<Entry>(find_in_module(kind, missing));
  if (!entry) return nullptr;
  const Module* const module = entry();
  if (module && module->version == kind.version) return module;
  missing = of_another_version(kind);
  return nullptr;
}

/// Throws InvalidArgument with `summary`, "this sapiens cannot ...", and what is missing;
/// OutOfResources where that is memory.
[[noreturn]] void refuse_without(const char* summary, ModuleMissing missing);

/// The table of a module that has to be there.
template <typename Module>
const Module& require_module(const ModuleKind& kind, const char* summary) {
  ModuleMissing missing;
  if (const Module* const module = load_module<Module>(kind, missing)) return *module;
  refuse_without(summary, std::move(missing));
}

/// Whether `load_module` finds it; if not, `why` tells it all.
template <typename Module>
bool has_module(const ModuleKind& kind, std::string* why) {
  ModuleMissing missing;
  if (load_module<Module>(kind, missing)) return true;
  if (why) *why = missing.reason + "; " + missing.hint;
  return false;
}

}  // namespace sapiens
