#include "cli/run/run_files.hpp"

#include <sapiens/error.hpp>

#include "cli/run/jobs.hpp"

namespace sapiens::cli {

RunFiles::RunFiles(const std::vector<std::filesystem::path>& paths) {
  for (const std::filesystem::path& path : paths) {
    if (!path.empty()) files_.emplace(path, file_json(path));
  }
}

void RunFiles::require_unchanged() const {
  for (const auto& [path, before] : files_) {
    if (file_json(path) == before) continue;
    throw Error(ErrorCode::CorruptFile,
                {.summary = "the file was changed or replaced while it was read",
                 .file = path.string(),
                 .hint = "try again once no other program writes to it"});
  }
}

}  // namespace sapiens::cli
