#include "cli/shell/completion.hpp"

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

}  // namespace

std::string completion_script(const std::string& shell) {
  if (shell == "bash") return kBash;
  return shell == "zsh" ? kZsh : kFish;
}

}  // namespace sapiens::cli
