#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace sapiens::hub {

/// The SHA-256 of a file, 64 digits. `progress` hears how many bytes are through.
std::string sha256_of(const std::filesystem::path& path,
                      const std::function<void(std::uint64_t)>& progress);

}  // namespace sapiens::hub
