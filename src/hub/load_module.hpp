#pragma once

#include <filesystem>
#include <string>

#include "hub/module.hpp"
#include "sapiens/hub.hpp"

namespace sapiens::hub {

/// The module, loaded now or before. Throws InvalidArgument where there is none.
const Module& require_module();

/// The SHA-256 of a file, 64 digits. `progress` hears how many bytes are through.
std::string sha256_of(const std::filesystem::path& path,
                      const std::function<void(std::uint64_t)>& progress);

/// Throws for memory that the module did not get.
[[noreturn]] void fail_for_memory();

}  // namespace sapiens::hub
