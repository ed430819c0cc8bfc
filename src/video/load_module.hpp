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

/// The module, loaded now or before; null with `missing` filled where there is none.
/// core/load_module.hpp tells where it is looked for.
const Module* load_module(ModuleMissing& missing);

/// The same, but throws Error(UnsupportedFormat) that names `file`.
const Module& require_module(std::string_view file);

}  // namespace sapiens::video
