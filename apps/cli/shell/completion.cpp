#include "cli/shell/completion.hpp"

#include <algorithm>
#include <sapiens/hub.hpp>
#include <set>
#include <string_view>
#include <vector>

namespace sapiens::cli {
namespace {

// compopt complains outside of a completion, as in tests.
constexpr const char* kBash = R"(# Completions of sapiens for bash, from `sapiens completion bash`.

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

  local program=${BASH_ALIASES[$1]-$1} typed=${words[last]} answer=() paths='' path
  mapfile -t answer < <("${program/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)
  COMPREPLY=()
  for word in "${answer[@]:2}"; do
    word=${answer[0]}${word%%$'\t'*}
    [[ $word == "$typed"* ]] && COMPREPLY+=("$word")
  done
  case ${answer[1]} in
    files) paths=-f ;;
    folders)
      paths=-d
      compopt +o default -o dirnames 2>/dev/null
      ;;
    list) compopt +o default -o nospace 2>/dev/null ;;
    *) compopt +o default 2>/dev/null ;;
  esac
  # Where there are no words, readline offers files itself, and does it better.
  if [[ $paths && ${#COMPREPLY[@]} -gt 0 ]]; then
    while IFS= read -r path; do
      [[ -d $path ]] && path+=/
      printf -v path %q "$path"
      COMPREPLY+=("${answer[0]}$path")
    done < <(compgen "$paths" -- "${typed:${#answer[0]}}")
  fi
  # Readline replaces what follows the last `=` or `:`, unless those were taken from its list.
  local breaks=${COMP_WORDBREAKS//[!=:]/}
  if [[ $breaks && $typed == *["$breaks"]* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${typed%"${typed##*["$breaks"]}"}"}")
  fi
}

complete -o default -F _sapiens sapiens
)";

// Autoloaded from its folder, the file is the body of the function; sourced, it is not.
constexpr const char* kZsh = R"(#compdef sapiens
# Completions of sapiens for zsh, from `sapiens completion zsh`.

_sapiens() {
  local program=${(Q)words[1]} result=1
  local -a answer offered
  answer=("${(@f)$("${program/#\~/$HOME}" __complete "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
  compset -p ${#answer[1]}
  offered=("${(@)${(@)answer[3,-1]//:/\\:}/$'\t'/:}")
  if [[ $answer[2] == list ]]; then
    _describe value offered -qS , && result=0
  elif (( $#offered )); then
    _describe argument offered && result=0
  fi
  case $answer[2] in
    files) _files && result=0 ;;
    folders) _files -/ && result=0 ;;
  esac
  return result
}

if [[ $funcstack[1] == _sapiens ]]; then
  _sapiens "$@"
else
  compdef _sapiens sapiens
fi
)";

constexpr const char* kFish = R"(# Completions of sapiens for fish, from `sapiens completion fish`.

function __sapiens_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l program (string replace -r '^~' $HOME -- $words[1])
    type -q $program; or return
    set -e words[1]
    set -l answer ($program __complete $words "$typed" 2>/dev/null)
    set -l kept $answer[1]
    set -l rest (string sub -s (math 1 + (string length -- "$kept")) -- "$typed")
    switch "$answer[2]"
        case files
            printf '%s\n' $kept(complete -C "'' $rest")
        case folders
            printf '%s\n' $kept(complete -C "'' $rest" | string match -- '*/')
    end
    set -e answer[1..2]
    for word in $answer
        printf '%s\n' "$kept$word"
    end
end

complete -c sapiens -f -a '(__sapiens_complete)'
)";

struct Offer {
  std::string kept;   // line 1
  std::string paths;  // line 2
  std::string words;  // lines 3 and on

  void add(std::string_view word, std::string_view description = {}) {
    words.append(word);
    if (!description.empty()) words.append("\t").append(description);
    words += '\n';
  }
  std::string text() const { return kept + '\n' + paths + '\n' + words; }
};

bool is_option(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

const ArgumentDescription* find_option(const CommandDescription& command, std::string_view name) {
  const auto has_name = [&](const ArgumentDescription& option) {
    return std::ranges::find(option.names, name) != option.names.end();
  };
  const auto option = std::ranges::find_if(command.options, has_name);
  return option == command.options.end() ? nullptr : &*option;
}

/// What precedes the last word of a command line, according to the description of the command.
struct Position {
  std::set<std::string> given;                     // names of options
  std::size_t positionals = 0;                     // before the last word
  const ArgumentDescription* expecting = nullptr;  // the option whose value the last word is
};

Position read_words(const CommandDescription& command, std::span<const std::string> before) {
  Position position;
  for (const std::string& word : before) {
    if (position.expecting != nullptr) {
      position.expecting = nullptr;
    } else if (is_option(word)) {
      const std::string name = word.substr(0, word.find('='));
      position.given.insert(name);
      const ArgumentDescription* const option = find_option(command, word);
      if (option != nullptr && option->value) position.expecting = option;
    } else {
      ++position.positionals;
    }
  }
  return position;
}

/// `typed` is the whole last word, whose value begins behind `kept`.
Offer offer_value(const ValueDescription& value, const std::string& typed, std::size_t kept = 0) {
  if (value.is_labelled && typed.find('=', kept) != std::string::npos) {
    kept = typed.find('=', kept) + 1;
  }
  const std::size_t list = kept;
  const std::size_t comma = typed.rfind(',');
  if (value.is_list && comma != std::string::npos && comma >= kept) kept = comma + 1;
  Offer offer{.kept = typed.substr(0, kept), .paths = {}, .words = {}};
  const std::string listed = "," + offer.kept.substr(list);
  for (const std::string& word : value.words) {
    if (listed.find("," + word + ",") == std::string::npos) offer.add(word);
  }
  if (value.published) {
    for (const PublishedFile& file : published_files()) offer.add(file.name);
  }
  if (value.is_list) offer.paths = "list";
  if (value.folders) offer.paths = "folders";
  if (value.files) offer.paths = "files";
  return offer;
}

/// Options that the line has not got yet, nor one that excludes them.
Offer offer_options(const CommandDescription& command, const std::set<std::string>& given) {
  const auto is_given = [&](const std::string& name) { return given.contains(name); };
  Offer offer;
  for (const ArgumentDescription& option : command.options) {
    if (!option.is_repeatable && std::ranges::any_of(option.names, is_given)) continue;
    if (std::ranges::any_of(option.excludes, is_given)) continue;
    for (const std::string& name : option.names) offer.add(name, option.help);
  }
  return offer;
}

/// `--option=value` and `-ovalue`: the option, and where its value begins.
std::pair<const ArgumentDescription*, std::size_t> attached_value(const CommandDescription& command,
                                                                  const std::string& word) {
  const std::size_t equals = word.find('=');
  const bool is_long = word.starts_with("--");
  if (is_long ? equals == std::string::npos : word.size() < 3) return {nullptr, 0};
  const std::size_t end = is_long ? equals : 2;
  return {find_option(command, word.substr(0, end)), is_long ? end + 1 : end};
}

Offer offer_argument(const CommandDescription& command, std::span<const std::string> words) {
  const std::string& typed = words.back();
  const Position position = read_words(command, words.first(words.size() - 1));
  if (position.expecting != nullptr) return offer_value(*position.expecting->value, typed);
  if (const auto [option, begin] = attached_value(command, typed); option && option->value) {
    return offer_value(*option->value, typed, begin);
  }
  if (typed.starts_with('-')) {
    return typed.find('=') == std::string::npos ? offer_options(command, position.given) : Offer{};
  }
  const ArgumentDescription* const positional = command.positional(position.positionals);
  return positional != nullptr && positional->value ? offer_value(*positional->value, typed)
                                                    : Offer{};
}

Offer offer_commands(const ProgramDescription& program) {
  Offer offer;
  for (const CommandDescription& command : program.commands) offer.add(command.name, command.help);
  return offer;
}

}  // namespace

std::string completion_script(const std::string& shell) {
  if (shell == "bash") return kBash;
  return shell == "zsh" ? kZsh : kFish;
}

std::string complete_words(const ProgramDescription& program, std::span<const std::string> words) {
  if (words.empty()) return Offer{}.text();
  if (words.size() == 1) {
    return (words[0].starts_with('-') ? offer_options(program.program, {})
                                      : offer_commands(program))
        .text();
  }
  const auto command = std::ranges::find(program.commands, words[0], &CommandDescription::name);
  if (command == program.commands.end()) return Offer{}.text();
  return offer_argument(*command, words.subspan(1)).text();
}

}  // namespace sapiens::cli
