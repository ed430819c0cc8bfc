#pragma once

#include <filesystem>
#include <map>
#include <sapiens/report.hpp>
#include <string>

#include "job_options.hpp"
#include "messages.hpp"

namespace sapiens::cli {

/// How the files of an output folder were made.
struct Manifest {
  std::filesystem::path path = {};
  Json settings = {};                              ///< Equal settings give equal files.
  std::map<std::string, std::string> inputs = {};  ///< Output stem -> absolute path of its input.
};

/// The settings that every command records: the checkpoint, what it is, and what computes.
Json common_settings(const JobOptions& options, const Inspection& inspection,
                     const EngineStats& stats);

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
