#include "cli/shell/program_description.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

#include "cli/options/options.hpp"

namespace sapiens::cli {
namespace {

bool is_word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
}

/// "[LABEL=]FILE|NAME" to LABEL, FILE, NAME.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (auto at = text.begin(); at != text.end();) {
    const auto end = std::find_if_not(at, text.end(), is_word_character);
    if (at != end) words.emplace_back(at, end);
    at = end == text.end() ? end : end + 1;
  }
  return words;
}

bool is_literal(const std::string& word) {
  return std::islower(static_cast<unsigned char>(word[0])) ||
         std::isdigit(static_cast<unsigned char>(word[0]));
}

void read_type(ValueDescription& value) {
  value.is_labelled = value.type.find('=') != std::string::npos;
  for (const std::string& word : words_of(value.type)) {
    if (word == kFileType) value.files = true;
    if (word == kFolderType) value.folders = true;
    if (word == kPublishedType) value.published = true;
    if (is_literal(word)) value.words.push_back(word);
  }
}

/// CLI11 describes its checks as "{a,b}", "INT in [1 - 64]" and "NONNEGATIVE".
void read_check(std::string_view check, ValueDescription& value) {
  if (check.starts_with('{')) {
    value.words = words_of(check);
    value.type = fmt::format("{}", fmt::join(value.words, "|"));
  } else if (const std::size_t open = check.find('['); open != std::string_view::npos) {
    const std::size_t middle = check.find(" - ", open);
    value.range = "from " + std::string(check.substr(open + 1, middle - open - 1)) + " to " +
                  std::string(check.substr(middle + 3, check.find(']') - middle - 3));
  } else if (check == "NONNEGATIVE") {
    value.range = "not negative";
  }
}

ValueDescription describe_value(const CLI::Option& option) {
  const std::string all = option.get_type_name();  // "INT:INT in [1 - 64]"
  const std::size_t colon = all.find(':');
  ValueDescription value{.type = all.substr(0, colon), .range = {}};
  read_type(value);
  if (colon != std::string::npos) read_check(std::string_view(all).substr(colon + 1), value);
  if (option.get_delimiter() != '\0' && !value.words.empty()) {
    value.is_list = true;
    value.type += ",...";
  }
  return value;
}

std::vector<std::string> sorted_names(const std::set<CLI::Option*>& options) {
  std::vector<std::string> names;
  for (const CLI::Option* option : options) names.push_back(option->get_name());
  std::ranges::sort(names);
  return names;
}

ArgumentDescription describe_argument(const CLI::Option& option) {
  ArgumentDescription argument{.names = {}, .help = option.get_description()};
  for (const std::string& name : option.get_snames()) argument.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) argument.names.push_back("--" + name);
  if (option.get_positional()) argument.names = {option.get_name(true)};
  if (option.get_items_expected_max() > 0) {
    argument.value = describe_value(option);
    argument.initial = option.get_default_str();
    argument.is_repeatable = option.get_expected_max() > 1;
  }
  argument.is_required = option.get_required();
  argument.needs = sorted_names(option.get_needs());
  argument.excludes = sorted_names(option.get_excludes());
  return argument;
}

CommandDescription describe_command(const CLI::App& app) {
  constexpr std::string_view kExamples = "Example:\n";
  const std::string footer = app.get_footer();
  const std::size_t examples = footer.find(kExamples);
  CommandDescription command{.name = app.get_name(),
                             .help = app.get_description(),
                             .notes = footer.substr(0, examples),
                             .examples = {}};
  if (examples != std::string::npos) {
    command.examples = footer.substr(examples + kExamples.size());
  }
  for (const CLI::Option* option : app.get_options()) {
    (option->get_positional() ? command.positionals : command.options)
        .push_back(describe_argument(*option));
  }
  return command;
}

}  // namespace

const ArgumentDescription* CommandDescription::positional(std::size_t index) const {
  if (index < positionals.size()) return &positionals[index];
  const bool more = !positionals.empty() && positionals.back().is_repeatable;
  return more ? &positionals.back() : nullptr;
}

ProgramDescription describe_program(const CLI::App& app) {
  ProgramDescription program{.program = describe_command(app), .commands = {}};
  for (const CLI::App* command : app.get_subcommands({})) {
    program.commands.push_back(describe_command(*command));
  }
  return program;
}

}  // namespace sapiens::cli
