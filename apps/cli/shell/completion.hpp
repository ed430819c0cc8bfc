#pragma once

#include <span>
#include <string>

#include "cli/shell/program_description.hpp"

namespace sapiens::cli {

/// The first argument by which the scripts of shells ask for completions. It is no command, so that
/// no help text or man page lists it.
inline constexpr const char* kCompleteWord = "__complete";

/// The script for "bash", "zsh" or "fish", which knows nothing of the program but how to ask it.
std::string completion_script(const std::string& shell);

/// What may stand at the end of a command line. `words` are those after the name of the program;
/// the last one is being typed and may be empty. Lines for the scripts:
///
///   1    the beginning of the last word that stays as it is: "--format=npy,"
///   2    what the shell offers besides: "files" or "folders"; "list" where a comma may follow a
///        word; empty if nothing
///   3-   WORD, or WORD, a tab and a description: what may stand behind that beginning
std::string complete_words(const ProgramDescription& program, std::span<const std::string> words);

}  // namespace sapiens::cli
