#include <fmt/format.h>

#include <sapiens/version.hpp>
#include <string>
#include <vector>

#include "cli/options/options.hpp"
#include "cli/shell/completion.hpp"

namespace sapiens::cli {
namespace {

// `takes` says what is expected, in the words of takes_of(). compopt complains where nobody is
// completing, as in tests.
constexpr const char* kBashFunctions = R"(
# Words of $2 that begin with $1. Some of them begin with what was typed, and compgen -W would
# run a $(command) in it.
_sapiens_offer() {
  local word words
  IFS=' ' read -r -a words <<<"$2"
  for word in "${words[@]}"; do
    [[ $word == "$1"* ]] && COMPREPLY+=("$word")
  done
}

# Files or folders (compgen $2) that begin with $1, beside words that are offered already. Where
# there are none, readline offers files itself, and does it better.
_sapiens_offer_paths() {
  local path
  while IFS= read -r path; do
    [[ -d $path ]] && path+=/
    printf -v path %q "$path"
    COMPREPLY+=("$path")
  done < <(compgen "$2" -- "$1")
}

# Values that begin with $1, where $takes is expected.
_sapiens_offer_values() {
  local words='' start='' paths='' take
  for take in $takes; do
    case $take in
      FILE) paths=-f ;;
      DIR) paths=${paths:--d} ;;
      NAME) words+=" $_sapiens_names" ;;
      LIST)
        start=${1%"${1##*,}"}
        compopt -o nospace 2>/dev/null
        ;;
      *) words+=" $start$take" ;;
    esac
  done
  _sapiens_offer "$1" "$words"
  case $paths in
    '') compopt +o default 2>/dev/null ;;
    -d) compopt +o default -o dirnames 2>/dev/null ;;
  esac
  if [[ $paths && ${#COMPREPLY[@]} -gt 0 ]]; then _sapiens_offer_paths "$1" "$paths"; fi
}

_sapiens() {
  # The words as they were typed: bash also parts them at `=` and `:`.
  local line=${COMP_LINE:0:COMP_POINT} words=() last=-1 word trimmed i
  for ((i = 0; i <= COMP_CWORD; i++)); do
    trimmed=${line#"${line%%[![:space:]]*}"}
    word=${COMP_WORDS[i]}
    ((i == COMP_CWORD)) && word=$trimmed
    if [[ $last -lt 0 || $trimmed != "$line" ]]; then words[++last]=''; fi
    words[last]+=$word
    line=${trimmed#"$word"}
  done

  local cur=${words[last]} command='' options='' takes='' position=1
  ((last > 1)) && command=${words[1]}
  for ((i = 2; i < last; i++)); do
    if [[ ${words[i]} != -?* ]]; then
      ((++position))
    elif _sapiens_option "$command" "${words[i]}"; then
      ((++i))
    fi
  done

  COMPREPLY=()
  local value=${cur##*=}
  if ((i > last && last > 1)); then
    _sapiens_offer_values "$value"
  elif [[ $cur == --*=* ]]; then
    _sapiens_option "$command" "${cur%%=*}" && _sapiens_offer_values "$value"
  elif [[ $cur == -* ]]; then
    _sapiens_options "$command"
    _sapiens_offer "$cur" "$options"
    compopt +o default 2>/dev/null
  elif [[ ! $command ]]; then
    _sapiens_offer "$cur" "$_sapiens_commands"
    compopt +o default 2>/dev/null
  else
    _sapiens_positional "$command" "$position"
    _sapiens_offer_values "$value"
  fi
  # Readline replaces what follows the last `:`, unless somebody took that from its list.
  if [[ $value == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${value%:*}:"}")
  fi
}

complete -o default -F _sapiens sapiens
)";

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

/// FILE, DIR, NAME of a published checkpoint, LIST of the words that follow, or words as they are.
std::string takes_of(const ValueDescription& value) {
  std::vector<std::string> takes;
  if (value.files) takes.emplace_back(kFileType);
  if (value.folders) takes.emplace_back(kFolderType);
  if (value.published) takes.emplace_back(kPublishedType);
  if (value.is_list) takes.emplace_back("LIST");
  takes.insert(takes.end(), value.words.begin(), value.words.end());
  return joined(takes);
}

std::string options_case(const std::string& command,
                         const std::vector<ArgumentDescription>& options) {
  std::vector<std::string> names;
  for (const ArgumentDescription& option : options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return fmt::format("    '{}') options='{}' ;;\n", command, joined(names));
}

std::string option_cases(const CommandDescription& command) {
  std::string cases;
  for (const ArgumentDescription& option : command.options) {
    if (!option.value) continue;
    std::vector<std::string> patterns;
    for (const std::string& name : option.names) {
      patterns.push_back(fmt::format("'{} {}'", command.name, name));
    }
    cases +=
        fmt::format("    {}) takes='{}' ;;\n", fmt::join(patterns, " | "), takes_of(*option.value));
  }
  return cases;
}

std::string positional_cases(const CommandDescription& command) {
  std::string cases;
  for (std::size_t i = 0; i < command.positionals.size(); ++i) {
    const ArgumentDescription& positional = command.positionals[i];
    const std::string number = positional.is_repeatable ? "'*" : std::to_string(i + 1) + "'";
    cases += fmt::format("    '{} {}) takes='{}' ;;\n", command.name, number,
                         takes_of(*positional.value));
  }
  return cases;
}

}  // namespace

std::string bash_completion(const ProgramDescription& program) {
  std::vector<std::string> commands;
  std::string options = options_case("", program.program.options), option, positional;
  for (const CommandDescription& command : program.commands) {
    commands.push_back(command.name);
    options += options_case(command.name, command.options);
    option += option_cases(command);
    positional += positional_cases(command);
  }
  return fmt::format(
             "# Completions of sapiens {}, made by `sapiens completion bash`.\n\n"
             "_sapiens_commands='{}'\n"
             "_sapiens_names='{}'\n\n"
             "# The options of command $1.\n"
             "_sapiens_options() {{\n  case $1 in\n{}  esac\n}}\n\n"
             "# What option $2 of command $1 takes; fails for flags.\n"
             "_sapiens_option() {{\n  case \"$1 $2\" in\n{}    *) return 1 ;;\n  esac\n}}\n\n"
             "# What argument number $2 of command $1 is.\n"
             "_sapiens_positional() {{\n  case \"$1 $2\" in\n{}    *) takes='' ;;\n  esac\n}}\n",
             SAPIENS_VERSION, joined(commands), published_names(), options, option, positional) +
         kBashFunctions;
}

}  // namespace sapiens::cli
