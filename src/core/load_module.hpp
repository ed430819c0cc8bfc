#pragma once

#include <string>

namespace sapiens {

/// What came of looking for a function in a module: a library that is loaded at run time, because
/// it brings more libraries than most runs need.
struct ModuleSearch {
  void* function = nullptr;  ///< Null where there is none.
  bool is_there = false;     ///< The file; it may still be unfit.
  std::string reason = {};   ///< Why there is no function.
};

/// The function `entry` of the module `file`, which is loaded now or was before and is never
/// unloaded (GLib and others do not survive that). The file is looked for in the folder that
/// SAPIENS_MODULE_DIR names or, without that, beside the program or shared library that this code
/// is in, in its folder `sapiens`, in `../<lib>/sapiens`, and where it was to be installed.
ModuleSearch find_in_module(const char* file, const char* entry);

}  // namespace sapiens
