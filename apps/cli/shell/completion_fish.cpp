#include <fmt/format.h>

#include <sapiens/version.hpp>
#include <string>
#include <vector>

#include "cli/shell/completion.hpp"

namespace sapiens::cli {
namespace {

constexpr const char* kFishFunctions = R"(
function __sapiens_is_first
    test (count (commandline -opc)) -eq 1
end

function __sapiens_command
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

# Whether the word that is typed is an argument of command $argv[1] and has number $argv[2] or, as
# the last argument can be, a higher one than that of $argv[2], `2+`. The options that take a value
# follow.
function __sapiens_argument
    __sapiens_command $argv[1]; or return
    set -l words (commandline -opc)
    set -l number 1
    set -l skip 0
    for word in $words[3..-1]
        if test $skip -eq 1
            set skip 0
        else if contains -- $word $argv[3..-1]
            set skip 1
        else if not string match -q -- '-?*' $word
            set number (math $number + 1)
        end
    end
    test $skip -eq 0; or return
    if string match -q -- '*+' $argv[2]
        test $number -ge (string trim -r -c + -- $argv[2])
    else
        test $number -eq $argv[2]
    end
end
)";

/// Between single quotes, where backslashes and quotes are escaped.
std::string fish_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

/// What is offered for a value: -F are files, -x takes a value but offers none by itself.
std::string value_flags(const ValueDescription& value) {
  std::vector<std::string> offers = value.words;
  if (value.published) offers.emplace_back("$__sapiens_names");
  if (value.folders && !value.files) offers.emplace_back("(__fish_complete_directories)");
  std::string words = fmt::format("{}", fmt::join(offers, " "));
  if (value.is_list) words = "(__fish_append , " + words + ")";
  const std::string arguments = offers.empty() ? "" : " -a " + fish_quoted(words);
  return (value.files ? "-r -F" : "-x") + arguments;
}

std::string option_line(const std::string& condition, const ArgumentDescription& option) {
  std::string line = "complete -c sapiens -n " + fish_quoted(condition);
  for (const std::string& name : option.names) {
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (option.value) line += " " + value_flags(*option.value);
  return line + " -d " + fish_quoted(option.help) + "\n";
}

std::string positional_lines(const CommandDescription& command) {
  std::string valued;
  for (const ArgumentDescription& option : command.options) {
    if (option.value) valued += fmt::format(" {}", fmt::join(option.names, " "));
  }
  std::string lines;
  for (std::size_t i = 0; i < command.positionals.size(); ++i) {
    const ArgumentDescription& positional = command.positionals[i];
    const std::string condition = fmt::format("__sapiens_argument {} {}{}{}", command.name, i + 1,
                                              positional.is_repeatable ? "+" : "", valued);
    lines += fmt::format("complete -c sapiens -n {} {}\n", fish_quoted(condition),
                         value_flags(*positional.value));
  }
  return lines;
}

}  // namespace

std::string fish_completion(const ProgramDescription& program) {
  std::string lines;
  for (const ArgumentDescription& option : program.program.options) {
    lines += option_line("__sapiens_is_first", option);
  }
  for (const CommandDescription& command : program.commands) {
    lines += fmt::format("\ncomplete -c sapiens -n __sapiens_is_first -a {} -d {}\n", command.name,
                         fish_quoted(command.help));
    lines += positional_lines(command);
    for (const ArgumentDescription& option : command.options) {
      lines += option_line("__sapiens_command " + command.name, option);
    }
  }
  return fmt::format(
      "# Completions of sapiens {}, made by `sapiens completion fish`.\n"
      "{}\n"
      "set -g __sapiens_names {}\n"
      "complete -c sapiens -f\n"
      "{}",
      SAPIENS_VERSION, kFishFunctions, published_names(), lines);
}

}  // namespace sapiens::cli
