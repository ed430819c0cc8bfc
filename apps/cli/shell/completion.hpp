#pragma once

#include <string>

#include "cli/shell/program_description.hpp"

namespace sapiens::cli {

// Scripts that complete what `program` describes. They are static: a shell asks nothing of the
// program, so completions are there at once.
std::string bash_completion(const ProgramDescription& program);
std::string zsh_completion(const ProgramDescription& program);
std::string fish_completion(const ProgramDescription& program);

/// Names of published checkpoints, with blanks between them.
std::string published_names();

}  // namespace sapiens::cli
