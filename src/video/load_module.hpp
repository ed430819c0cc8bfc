#pragma once

#include <string_view>

#include "video/module.hpp"

namespace sapiens::video {

/// The module, loaded now or before (core/load_module.hpp tells where it is looked for). Throws
/// Error(UnsupportedFormat) that names `file` where there is none.
const Module& require_module(std::string_view file);

}  // namespace sapiens::video
