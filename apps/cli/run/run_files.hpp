#pragma once

#include <filesystem>
#include <map>
#include <vector>

#include "cli/input/json_file.hpp"

namespace sapiens::cli {

/// The files that a whole run depends on: checkpoints, and boxes of persons.
///
/// They are examined before they are read, and again afterwards, so that the record of a run never
/// tells of a file that replaced the one whose contents were computed with.
class RunFiles {
 public:
  /// Empty paths are left out. Throws NotFound if the system cannot say what a file is.
  explicit RunFiles(const std::vector<std::filesystem::path>& paths);

  /// The `file_json` of one of the paths, as it was before anything was read.
  const Json& json(const std::filesystem::path& path) const { return files_.at(path); }
  /// Throws CorruptFile, with the name of the file, if one of them was written to or replaced.
  void require_unchanged() const;

 private:
  std::map<std::filesystem::path, Json> files_;
};

}  // namespace sapiens::cli
