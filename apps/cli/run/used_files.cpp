#include "cli/run/used_files.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <sapiens/error.hpp>
#include <system_error>
#include <utility>

#include "cli/run/jobs.hpp"
#include "core/open_file.hpp"

namespace sapiens::cli {

std::string UsedFiles::identity_of(const std::filesystem::path& path) {
  struct ::stat status {};
  if (uninterrupted([&] { return ::stat(path.c_str(), &status); }) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    fail_to_read(path, "the file cannot be examined", errno);
  }
  return fmt::format("{} {} {} {}.{} {}.{}", status.st_dev, status.st_ino, status.st_size,
                     status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
                     status.st_ctim.tv_nsec);
}

UsedFiles::UsedFiles(const std::vector<std::filesystem::path>& paths) {
  for (const std::filesystem::path& path : paths) {
    if (path.empty()) continue;
    std::string identity = identity_of(path);
    std::error_code unknown;
    const auto type = std::filesystem::status(path, unknown).type();
    const bool is_other = type != std::filesystem::file_type::regular && !unknown;
    files_.emplace(path, File{is_other ? Json() : file_json(path), std::move(identity)});
  }
}

std::vector<std::filesystem::path> UsedFiles::paths() const {
  std::vector<std::filesystem::path> paths;
  for (const auto& [path, file] : files_) paths.push_back(path);
  return paths;
}

void UsedFiles::require_unchanged() const {
  for (const auto& [path, before] : files_) {
    if (identity_of(path) == before.identity) continue;
    throw Error(ErrorCode::CorruptFile,
                {.summary = "the file was changed or replaced while it was read",
                 .file = path.string(),
                 .hint = "try again once no other program writes to it"});
  }
}

}  // namespace sapiens::cli
