#pragma once

#include "cli/options/options.hpp"

namespace sapiens::cli {

using AddCommands = void (*)(CLI::App& app, Session& session);

/// What main() of every program does: it parses `words`, of which the first is the program's name,
/// runs the command among them, reports errors, and returns the exit code. `add_commands` declares
/// the commands.
int run_program(Words words, AddCommands add_commands);

/// The same for a program that is one command of `sapiens` and is started without the command's
/// name: "sapiens-pull 0.3b:seg".
int run_part(int argc, char** argv, const char* command, AddCommands add_command);

/// A command that is a program of its own, because it is linked to libraries that no other command
/// needs: they would slow down each start.
struct Part {
  const char* program;     ///< "sapiens-pull"
  const char* cannot;      ///< "this sapiens cannot download"
  const char* built_with;  ///< What to install before sapiens is built: "libx (apt-get ...)".
};

/// Becomes that program, with the words that follow the command: the process stays the same, and
/// with it the signals and the terminal. The program is looked for where modules are
/// (core/find_part.hpp). Throws `Error`: InvalidArgument where it is missing or cannot be
/// started, OutOfResources where that is for memory.
[[noreturn]] void start_part(const Part& part, const Session& session);

}  // namespace sapiens::cli
