#pragma once

#include <CLI/CLI.hpp>

namespace sapiens::cli {

inline constexpr const char* kCheckpointHelp = "Checkpoint: a file, or a name of `sapiens pull`";

/// Lets `option` take the name of a published checkpoint ("0.3b:seg") where it takes a file: what
/// it sets is the path of the file that `sapiens pull` downloaded.
CLI::Option* takes_checkpoint(CLI::Option* option);

}  // namespace sapiens::cli
