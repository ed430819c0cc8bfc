#pragma once

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace sapiens::cli {

/// The kinds of values that an argument accepts, derived from its type name and checks.
struct ValueDescription {
  std::string type;   ///< "FILE|NAME", "INT", "HxW", "full|lite".
  std::string range;  ///< "from 1 to 4096", or empty.
  std::vector<std::string> words = {};
  bool is_list = false;  ///< Several of the words, with commas between them.
  bool files = false;
  bool folders = false;
  bool published = false;    ///< Names of published checkpoints.
  bool is_labelled = false;  ///< LABEL= may stand before it.
};

/// An option, a flag or a positional argument.
struct ArgumentDescription {
  std::vector<std::string> names;  ///< "-o" and "--output"; a positional argument has one, "INPUT".
  std::string help;
  std::optional<ValueDescription> value = {};  ///< None for flags.
  std::string initial = {};                    ///< What counts without it; empty if nothing does.
  bool is_required = false;
  bool is_repeatable = false;
  std::vector<std::string> needs = {};  ///< Names of other options.
  std::vector<std::string> excludes = {};
};

struct CommandDescription {
  std::string name;
  std::string help;
  std::string notes;     ///< What its help text ends with, before the examples.
  std::string examples;  ///< Lines of a shell.
  std::vector<ArgumentDescription> positionals = {};
  std::vector<ArgumentDescription> options = {};

  /// Number `index`, counted from 0, where the last may be repeatable; null behind the end.
  const ArgumentDescription* positional(std::size_t index) const;
};

struct ProgramDescription {
  CommandDescription program;
  std::vector<CommandDescription> commands;
};

/// The description of `app`, from which man pages and completions are generated.
ProgramDescription describe_program(const CLI::App& app);

}  // namespace sapiens::cli
