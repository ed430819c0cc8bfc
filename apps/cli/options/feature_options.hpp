#pragma once

#include <CLI/CLI.hpp>
#include <sapiens/dtype.hpp>
#include <string>

#include "cli/run/features.hpp"

namespace sapiens::cli {

/// What `sapiens features` can be told about outputs, pooling, shards and the network.
void add_feature_options(CLI::App& app, FeatureArguments& options);

/// "f16": what --dtype calls it.
const std::string& name_of(DType written);
/// "webdataset": what --format calls it.
const std::string& name_of(FeatureFormat format);

}  // namespace sapiens::cli
