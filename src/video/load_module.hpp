#pragma once

#include <string_view>

#include "video/module.hpp"

namespace sapiens::video {

/// The video module, loaded on first use (core/load_module.hpp describes where it is searched).
/// Throws Error(UnsupportedFormat) that names `file` where there is none.
const Module& require_module(std::string_view file);

}  // namespace sapiens::video
