#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>
#include <vector>

#include "hub/partial_file.hpp"
#include "sapiens/error.hpp"
#include "sapiens/hub.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;

/// Empty for a variable that is not set.
fs::path folder_in(const char* variable) {
  const char* const value = std::getenv(variable);
  return value ? value : "";
}

/// "0.3b:dance": the size is one of ours, so the rest is a mistake in a name and not a path.
bool has_size_of_ours(std::string_view text) {
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos &&
         std::ranges::any_of(published_files(), [&](const PublishedFile& file) {
           return file.model == text.substr(0, colon);
         });
}

[[noreturn]] void refuse_name(const std::string& name) {
  std::vector<std::string_view> known;
  for (const PublishedFile& file : published_files()) {
    if (file.model == std::string_view(name).substr(0, name.find(':'))) known.push_back(file.name);
  }
  throw Error(ErrorCode::NotFound,
              {.summary = "there is neither a file nor a published checkpoint of this name",
               .file = name,
               .expected = fmt::format("{}", fmt::join(known, ", ")),
               .hint = "`sapiens pull --list` shows all"});
}

}  // namespace

fs::path hub::partial_name(const fs::path& path) { return path.string() + ".partial"; }

fs::path checkpoint_cache() {
  if (const fs::path chosen = folder_in("SAPIENS_CACHE"); !chosen.empty()) return chosen;
  // The specification of XDG has relative paths ignored.
  if (const fs::path xdg = folder_in("XDG_CACHE_HOME"); xdg.is_absolute()) return xdg / "sapiens";
  if (const fs::path home = folder_in("HOME"); home.is_absolute()) {
    return home / ".cache" / "sapiens";
  }
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "there is no folder for downloaded checkpoints",
               .expected = "SAPIENS_CACHE, XDG_CACHE_HOME or HOME in the environment",
               .hint = "set SAPIENS_CACHE to a folder"});
}

fs::path find_checkpoint(const std::string& path_or_name) {
  std::error_code ignored;
  const PublishedFile* const file = find_published(path_or_name);
  if (!file) {
    if (has_size_of_ours(path_or_name) && !fs::exists(path_or_name, ignored)) {
      refuse_name(path_or_name);
    }
    return path_or_name;
  }
  if (fs::is_regular_file(path_or_name, ignored)) return path_or_name;  // no folder "detector"
  const fs::path path = checkpoint_cache() / file->file_name();
  if (fs::exists(path, ignored)) return path;
  const bool begun = fs::exists(hub::partial_name(path), ignored);
  throw Error(ErrorCode::NotFound,
              {.summary = begun ? "the download of this checkpoint is not finished"
                                : "this checkpoint has not been downloaded",
               .file = path_or_name,
               .actual = fmt::format("{} does not exist", path.string()),
               .hint = fmt::format("`sapiens pull {}` {}", file->name,
                                   begun ? "goes on with it" : "downloads it")});
}

}  // namespace sapiens
