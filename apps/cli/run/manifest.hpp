#pragma once

#include <filesystem>
#include <map>
#include <sapiens/report.hpp>
#include <string>
#include <vector>

#include "cli/options/job_options.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// What one input became.
struct ManifestJob {
  std::string input = {};               ///< Its absolute path.
  std::vector<std::string> files = {};  ///< Below the folder of the manifest.
};

/// How the files of an output folder were made.
struct Manifest {
  std::filesystem::path path = {};
  Json settings = {};                            ///< Equal settings give equal files.
  std::map<std::string, ManifestJob> jobs = {};  ///< By the name of the results.
  Json left_out = {};                            ///< Of the last run; see left_out.hpp.
  Json boxes_file = {};                          ///< What of --boxes the last run used.
};

/// Which file it is: path, size, and when it was changed, as the same name may hold other contents.
Json file_json(const std::filesystem::path& path);

/// The settings that every command records: the checkpoint, what it is, and what computes.
Json common_settings(const std::filesystem::path& checkpoint, const std::optional<Grid>& size,
                     const Inspection& inspection, const EngineStats& stats);

/// OUTPUT/sapiens-features.json for the command `features`.
std::filesystem::path manifest_path(const std::filesystem::path& output,
                                    const std::string& command);

/// Empty where there is none. Throws CorruptFile.
Manifest read_manifest(const std::filesystem::path& path);

/// Replaces the file in one step. Throws WriteFailed.
void write_manifest(const Manifest& manifest);

/// Throws InvalidArgument, naming the first setting that differs.
void expect_same_settings(const Json& before, const Json& now, const std::filesystem::path& path);

}  // namespace sapiens::cli
