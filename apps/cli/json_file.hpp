#pragma once

#include <filesystem>
#include <string>

#include "messages.hpp"

namespace sapiens::cli {

/// Writes `document` to a temporary name in the same folder and renames it. Throws WriteFailed with
/// `summary`.
void write_json(const std::filesystem::path& path, const Json& document,
                const std::string& summary);

/// Throws as `write_json` would where nothing can be written; for those with hours of work ahead.
void expect_json_writable(const std::filesystem::path& path, const std::string& summary);

}  // namespace sapiens::cli
