#pragma once

#include <string>
#include <string_view>

#include "video/module.hpp"

namespace sapiens::video {

/// Why the module is not there, and what to do about it.
struct ModuleMissing {
  std::string reason = {};
  std::string hint = {};
};

/// The module, loaded now or before and never unloaded (GLib and others do not survive that); null
/// with `missing` filled where there is none. It is looked for in the folder that
/// SAPIENS_MODULE_DIR names or, without that, beside the program or shared library that this code
/// is in, in its folder `sapiens`, in `../<lib>/sapiens`, and where it was to be installed.
const Module* load_module(ModuleMissing& missing);

/// The same, but throws Error(UnsupportedFormat) that names `file`.
const Module& require_module(std::string_view file);

}  // namespace sapiens::video
