#pragma once

#include "archive/module.hpp"

namespace sapiens::archive {

/// Module::create.
RawWriter* create_writer(int descriptor) noexcept;

}  // namespace sapiens::archive
