#include "cli/shell/man_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sapiens/version.hpp>
#include <sstream>
#include <string_view>

#include "cli/options/options.hpp"
#include "cli/shell/program_description.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

/// A bare `-` is a hyphen, `^` and `~` are accents, and `'` and `` ` `` are quotation marks, which
/// no shell takes.
std::string escaped(char c) {
  switch (c) {
    case '\\':
      return "\\e";
    case '-':
      return "\\-";
    case '^':
      return "\\(ha";
    case '~':
      return "\\(ti";
    case '\'':
      return "\\(aq";
    case '`':
      return "\\(ga";
    default:
      return {c};
  }
}

}  // namespace

std::string roff_text(std::string_view text) {
  std::string line;
  bool is_bold = false;
  for (const char c : text) {
    if (c == '`') {
      is_bold = !is_bold;
      line += is_bold ? "\\fB" : "\\fR";
    } else if (c == '\'' && !is_bold) {
      line += c;  // an apostrophe
    } else {
      line += escaped(c);
    }
  }
  if (is_bold) line += "\\fR";
  return roff_line(line);
}

std::string roff_code(std::string_view text) {
  std::string code;
  for (const char c : text) code += escaped(c);
  return code;
}

std::string roff_line(std::string line) {
  if (line.starts_with('.') || line.starts_with('\'')) line.insert(0, "\\&");
  return line;
}

namespace {

std::string bold(std::string_view text) { return "\\fB" + roff_code(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff_code(text) + "\\fR"; }

std::string upper_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string with_capital(std::string text) {
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

/// After a name stands a part of a sentence.
std::string without_capital(std::string text) {
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

std::string sentence(std::string text) {
  if (!text.ends_with('.')) text += '.';
  return text;
}

std::string tagged(const std::string& tag, const std::string& text) {
  return ".TP\n" + tag + "\n" + text + "\n";
}

/// A list of words may be longer than a line of a narrow terminal; it is broken behind a word.
std::string value_type(const std::string& type) {
  constexpr std::size_t kFits = 50;
  std::string text = italic(type);
  if (type.size() <= kFits) return text;
  for (std::size_t bar = text.find('|'); bar != std::string::npos; bar = text.find('|', bar + 1)) {
    text.insert(bar + 1, "\\:");
  }
  return text;
}

std::string option_usage(const ArgumentDescription& option) {
  std::string text;
  for (const std::string& name : option.names) text += (text.empty() ? "" : ", ") + bold(name);
  if (option.value) text += " " + value_type(option.value->type);
  return text;
}

std::string positional_usage(const ArgumentDescription& positional) {
  const std::string text = italic(positional.names[0]) + (positional.is_repeatable ? " ..." : "");
  return positional.is_required ? text : "[" + text + "]";
}

std::string bold_names(const std::vector<std::string>& names) {
  std::vector<std::string> texts;
  for (const std::string& name : names) texts.push_back(bold(name));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string argument_text(const ArgumentDescription& argument) {
  std::string text = roff_text(sentence(argument.help));
  if (argument.value && !argument.value->range.empty()) {
    text += " A number " + roff_code(argument.value->range) + ".";
  }
  if (!argument.initial.empty()) text += " By default " + roff_code(argument.initial) + ".";
  if (argument.is_required) text += " Required.";
  if (!argument.needs.empty()) text += " Only with " + bold_names(argument.needs) + ".";
  if (!argument.excludes.empty()) text += " Not with " + bold_names(argument.excludes) + ".";
  return text;
}

std::string page_reference(const std::string& name) { return bold(name) + "(1)"; }

std::string name_section(const std::string& name, const CommandDescription& command) {
  return ".SH NAME\n" + roff_code(name) + " \\- " + roff_text(without_capital(command.help)) + "\n";
}

std::string synopsis(const ProgramDescription& program, const CommandDescription& command) {
  std::string text = ".SH SYNOPSIS\n" + bold(program.program.name);
  if (&command == &program.program) {
    return text + " " + italic("COMMAND") + " [" + italic("OPTIONS") + "] [" + italic("ARGUMENTS") +
           "]\n";
  }
  text += " " + bold(command.name);
  for (const ArgumentDescription& option : command.options) {
    if (option.is_required)
      text += " " + bold(option.names.back()) + " " + value_type(option.value->type);
  }
  text += " [" + italic("OPTIONS") + "]";
  for (const ArgumentDescription& positional : command.positionals) {
    text += " " + positional_usage(positional);
  }
  return text + "\n";
}

/// Lines of text, with paragraphs where one is empty.
std::string paragraphs(const std::string& text) {
  std::string page;
  std::istringstream lines(text);
  bool starts = true;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) page += (starts ? ".PP\n" : "") + roff_text(line) + "\n";
    starts = line.empty();
  }
  return page;
}

std::string commands_section(const ProgramDescription& program) {
  std::string page = ".SH COMMANDS\n";
  for (const CommandDescription& command : program.commands) {
    page +=
        tagged(page_reference(man_page_name(program, command)), roff_text(sentence(command.help)));
  }
  return page;
}

std::string options_section(const CommandDescription& command) {
  std::string page = ".SH OPTIONS\n";
  for (const ArgumentDescription& positional : command.positionals) {
    page += tagged(positional_usage(positional), argument_text(positional));
  }
  for (const ArgumentDescription& option : command.options) {
    page += tagged(option_usage(option), argument_text(option));
  }
  return page;
}

std::string exit_status_section() {
  std::string page = ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : exit_code_meanings()) {
    page += tagged(bold(std::to_string(static_cast<int>(code))),
                   roff_text(sentence(with_capital(meaning))));
  }
  return page;
}

/// What the program reads from its environment.
struct EnvironmentVariable {
  const char* names;
  const char* meaning;
  /// Who reads it: a command ("pull"), every command with an option ("--isa") or with a value of a
  /// type ("NAME"); empty where that is decided elsewhere.
  const char* concerns;
};

constexpr EnvironmentVariable kVariables[] = {
    {"SAPIENS_ISA", "Highest kernel level: reference, avx2, avx512 or amx. `--isa` goes before it",
     "--isa"},
    {"SAPIENS_L2_CACHE",
     "L2 cache of each thread, such as 512K or 1M, in place of what the system reports; decides "
     "how work is cut, and no result",
     "--isa"},
    {"SAPIENS_CACHE",
     "Folder of downloads, where names of published checkpoints are looked for first",
     kPublishedType},
    {"HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME",
     "The cache that Hugging Face's tools share, where downloads go without SAPIENS_CACHE, and "
     "names are looked for: HF_HUB_CACHE, else hub in HF_HOME, else huggingface/hub in "
     "XDG_CACHE_HOME, else ~/.cache/huggingface/hub",
     kPublishedType},
    {"SAPIENS_MODULE_DIR",
     "The only folder to look in for what is loaded or started when it is needed, such as the "
     "module for videos",
     ""},
    {"HF_TOKEN",
     "Sent to the hub, never to hosts that it redirects to; without it, the token that `hf auth "
     "login` stored (HF_TOKEN_PATH, else token in HF_HOME)",
     "pull"},
    {"HF_ENDPOINT", "Another hub than https://huggingface.co", "pull"},
    {"https_proxy, http_proxy, all_proxy, no_proxy", "As libcurl takes them", "pull"},
    {"SSL_CERT_FILE", "Certificates to trust instead of the system's", "pull"},
    {"SAPIENS_TOKEN", "Token that requests must bring, where there is no `--token-file`", "serve"},
    {"NO_COLOR", "Reports without colours", "inspect"},
};

bool concerns(const EnvironmentVariable& variable, const CommandDescription& command) {
  const std::string_view who = variable.concerns;
  const auto names_it = [who](const ArgumentDescription& argument) {
    return std::ranges::count(argument.names, who) > 0 ||
           (argument.value && argument.value->published && who == kPublishedType);
  };
  return who == command.name || std::ranges::any_of(command.options, names_it) ||
         std::ranges::any_of(command.positionals, names_it);
}

std::string environment_section(const ProgramDescription& program,
                                const CommandDescription& command) {
  std::string page;
  for (const EnvironmentVariable& variable : kVariables) {
    if (&command == &program.program || concerns(variable, command)) {
      page += tagged(bold(variable.names), roff_text(sentence(variable.meaning)));
    }
  }
  return page.empty() ? "" : ".SH ENVIRONMENT\n" + page;
}

std::string examples_section(const CommandDescription& command) {
  if (command.examples.empty()) return "";
  std::string page = ".SH EXAMPLES\n.nf\n";
  std::istringstream lines(command.examples);
  for (std::string line; std::getline(lines, line);) page += roff_line(roff_code(line)) + "\n";
  return page + ".fi\n";
}

std::string see_also(const ProgramDescription& program, const CommandDescription& command) {
  if (&command != &program.program) {
    return ".SH SEE ALSO\n" + page_reference(program.program.name) + "\n";
  }
  std::vector<std::string> pages;
  for (const CommandDescription& other : program.commands) {
    pages.push_back(page_reference(man_page_name(program, other)));
  }
  return fmt::format(".SH SEE ALSO\n{}\n", fmt::join(pages, ",\n"));
}

}  // namespace

std::string man_page_name(const ProgramDescription& program, const CommandDescription& command) {
  const std::string& name = program.program.name;
  return &command == &program.program ? name : name + "-" + command.name;
}

std::string man_page(const ProgramDescription& program, const CommandDescription& command) {
  const std::string name = man_page_name(program, command);
  const bool is_program = &command == &program.program;
  std::string page =
      fmt::format(".TH {} 1 \"\" \"sapiens " SAPIENS_VERSION "\" \"User Commands\"\n",
                  roff_code(upper_case(name)));
  page += ".nh\n.ad l\n";  // a name that is broken at the end of a line cannot be copied
  page += name_section(name, command);
  page += synopsis(program, command);
  page += ".SH DESCRIPTION\n" + roff_text(sentence(command.help)) + "\n";
  // What the program's own help ends with are the exit codes, which have a section here.
  page += is_program ? commands_section(program) : paragraphs(command.notes);
  page += options_section(command);
  page += exit_status_section();
  page += environment_section(program, command);
  page += examples_section(command);
  page += see_also(program, command);
  return page;
}

}  // namespace sapiens::cli
