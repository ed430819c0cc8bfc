#pragma once

#include <filesystem>
#include <map>
#include <sapiens/report.hpp>
#include <span>
#include <string>

#include "features_options.hpp"
#include "messages.hpp"

namespace sapiens::cli {

/// How the files of an output folder were made: OUTPUT/sapiens-features.json.
struct Manifest {
  Json settings = {};                              ///< Equal settings give equal files.
  std::map<std::string, std::string> inputs = {};  ///< Output stem -> absolute path of its input.
};

/// `layers` are the blocks that will be written, counted from 0.
Json manifest_settings(const FeaturesOptions& options, const FeatureExtractor& extractor,
                       std::span<const Index> layers);

/// The manifest of `folder`, empty where there is none. Throws CorruptFile.
Manifest read_manifest(const std::filesystem::path& folder);

/// Replaces the manifest of `folder` in one step. Throws WriteFailed.
void write_manifest(const std::filesystem::path& folder, const Manifest& manifest);

/// Throws InvalidArgument, naming the first setting that differs.
void expect_same_settings(const Json& before, const Json& now, const std::filesystem::path& folder);

}  // namespace sapiens::cli
