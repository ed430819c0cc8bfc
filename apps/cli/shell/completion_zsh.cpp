#include <fmt/format.h>

#include <sapiens/version.hpp>
#include <string>
#include <vector>

#include "cli/shell/completion.hpp"

namespace sapiens::cli {
namespace {

constexpr const char* kHelpers = R"(
_sapiens_names() { compadd "$@" -a sapiens_names }

_sapiens_checkpoints() {
  _alternative 'files:file:_files' 'names:published checkpoint:_sapiens_names'
}

# What $@ offers, where LABEL= may stand before it.
_sapiens_labelled() {
  compset -P '*='
  "$@"
}
)";

// Autoloaded from its folder, the file is the body of the function; sourced, it is not.
constexpr const char* kEnd = R"(
if [[ $funcstack[1] == _sapiens ]]; then
  _sapiens "$@"
else
  compdef _sapiens sapiens
fi
)";

/// `text` with a backslash before each of `special`.
std::string with_backslashes(std::string_view text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

/// Between single quotes, where a quote has to leave them.
std::string zsh_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c;
    }
  }
  return result + "'";
}

std::string paths_action(const ValueDescription& value) {
  if (value.files && value.published) return "_sapiens_checkpoints";
  if (value.published) return "_sapiens_names";
  return value.files ? "_files" : "_files -/";
}

/// As _arguments(1) takes it.
std::string action_of(const ValueDescription& value) {
  const std::string words = fmt::format("{}", fmt::join(value.words, " "));
  const bool takes_paths = value.files || value.folders || value.published;
  if (value.is_list) return "_values -s , value " + words;
  if (!value.words.empty() && takes_paths) {
    return fmt::format("{{_alternative \"words:value:({})\" \"files:file:{}\"}}", words,
                       paths_action(value));
  }
  if (!value.words.empty()) return "(" + words + ")";
  if (!takes_paths) return " ";
  // With a blank before it an action is called as it stands.
  return (value.is_labelled ? " _sapiens_labelled " : "") + paths_action(value);
}

std::string message_and_action(const ArgumentDescription& argument, const std::string& message) {
  return ":" + with_backslashes(message, ":\\") + ":" +
         with_backslashes(action_of(*argument.value), ":");
}

/// "(-o --output --others)", which may not stand on a line with this one.
std::string exclusions(const ArgumentDescription& option) {
  std::vector<std::string> names = option.excludes;
  if (!option.is_repeatable) names.insert(names.end(), option.names.begin(), option.names.end());
  return names.empty() ? "" : fmt::format("({})", fmt::join(names, " "));
}

/// A line for each name of the option.
std::string option_specs(const ArgumentDescription& option) {
  std::string specs;
  for (const std::string& name : option.names) {
    std::string spec = exclusions(option) + (option.is_repeatable ? "*" : "") + name;
    if (option.value) spec += name.starts_with("--") ? "=" : "+";
    spec += "[" + with_backslashes(option.help, "[]:\\") + "]";
    if (option.value) spec += message_and_action(option, option.value->type);
    specs += fmt::format("        {} \\\n", zsh_quoted(spec));
  }
  return specs;
}

std::string positional_specs(const CommandDescription& command) {
  std::string specs;
  for (std::size_t i = 0; i < command.positionals.size(); ++i) {
    const ArgumentDescription& positional = command.positionals[i];
    const std::string number = positional.is_repeatable ? "*" : std::to_string(i + 1);
    specs += fmt::format("        {} \\\n",
                         zsh_quoted(number + message_and_action(positional, positional.names[0])));
  }
  return specs;
}

std::string command_case(const CommandDescription& command) {
  std::string specs = positional_specs(command);
  for (const ArgumentDescription& option : command.options) specs += option_specs(option);
  specs.resize(specs.size() - 3);  // the last line goes on nowhere
  return fmt::format("    {})\n      _arguments \\\n{}\n      ;;\n", command.name, specs);
}

}  // namespace

std::string zsh_completion(const ProgramDescription& program) {
  std::string commands, cases, options;
  for (const CommandDescription& command : program.commands) {
    commands += fmt::format("    {}\n",
                            zsh_quoted(command.name + ":" + with_backslashes(command.help, ":\\")));
    cases += command_case(command);
  }
  for (const ArgumentDescription& option : program.program.options) {
    options += option_specs(option);
  }
  return fmt::format(
             "#compdef sapiens\n"
             "# Completions of sapiens {}, made by `sapiens completion zsh`.\n"
             "{}\n"
             "_sapiens() {{\n"
             "  local -a line commands=(\n{}  )\n"
             "  local -a sapiens_names=({})\n"
             "  local state\n"
             "  _arguments -C \\\n{}"
             "        '1:command:->command' '*::argument:->arguments' && return\n"
             "  [[ $state == command ]] && _describe command commands && return\n"
             "  case $line[1] in\n{}  esac\n}}\n",
             SAPIENS_VERSION, kHelpers, commands, published_names(), options, cases) +
         kEnd;
}

}  // namespace sapiens::cli
