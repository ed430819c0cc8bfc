#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// Writes `document` atomically. Throws WriteFailed, or OutOfResources for a full disk, with
/// `summary`.
void write_json(const std::filesystem::path& path, const Json& document,
                const std::string& summary);

using Append = std::function<void(std::string_view text)>;

/// The same with a document that `write` appends part by part; `json_line` makes parts of it.
void write_json_parts(const std::filesystem::path& path, const std::string& summary,
                      const std::function<void(const Append& append)>& write);

/// `document` in one line; bytes that are not UTF-8 (file names) are replaced.
std::string json_line(const Json& document);

/// What a file holds; nothing where there is none. Throws `Error` where it cannot be read, which
/// must not be taken for a file that is not there.
std::optional<std::string> read_if_there(const std::filesystem::path& path);

/// Throws as `write_json` would where nothing can be written; for those with hours of work ahead.
void expect_json_writable(const std::filesystem::path& path, const std::string& summary);

}  // namespace sapiens::cli
