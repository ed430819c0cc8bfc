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

}  // namespace sapiens::cli
