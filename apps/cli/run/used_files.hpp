#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/input/json_file.hpp"

namespace sapiens::cli {

/// The files that a whole run depends on: checkpoints, and boxes of persons.
///
/// They are examined before they are read, and again afterwards, so that the record of a run does
/// not tell of a file that replaced the one whose contents were computed with.
class UsedFiles {
 public:
  /// Empty paths are left out. What is no file, or is not there, fails when it is read. Throws
  /// NotFound if the system cannot say what a file is.
  explicit UsedFiles(const std::vector<std::filesystem::path>& paths);

  /// The `file_json` of one of the paths, as it was before anything was read.
  const Json& json(const std::filesystem::path& path) const { return files_.at(path).json; }
  std::vector<std::filesystem::path> paths() const;
  /// Throws CorruptFile, with the name of the file, if one of them was written to or replaced.
  void require_unchanged() const;

 private:
  struct File {
    Json json;
    std::string
        identity;  ///< Another one after every replacement, also by a copy that keeps times.
  };
  static std::string identity_of(const std::filesystem::path& path);

  std::map<std::filesystem::path, File> files_;
};

}  // namespace sapiens::cli
