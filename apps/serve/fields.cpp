#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cli/options/options.hpp"
#include "core/parse_number.hpp"
#include "serve/http_message.hpp"
#include "serve/operations.hpp"

namespace sapiens::serve {
namespace {

constexpr std::size_t kMaxShown = 80;  // of what was sent, in messages

HttpError bad_value(const Parameter& parameter, const std::string& value, std::string expected) {
  return HttpError(400, "invalid-argument",
                   {.summary = fmt::format("`{}` has a value that it cannot have", parameter.name),
                    .key = std::string(parameter.name),
                    .expected = std::move(expected),
                    .actual = value.substr(0, kMaxShown)});
}

/// "[[1, 2, 3, 4]]" as "1,2,3,4".
std::string without_brackets(const std::string& text) {
  std::string flat;
  bool ended = false;
  for (const char c : text) {
    if (c == ' ') continue;
    if (ended && c == ',') {
      flat += ';';
    } else if (c != '[' && c != ']') {
      flat += c;
    }
    ended = c == ']';
  }
  return flat;
}

std::optional<std::vector<Box>> parse_boxes(const std::string& text) {
  const std::string flat = without_brackets(text);
  std::vector<Box> boxes;
  for (std::string_view rest = flat; !rest.empty();) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    const auto box = cli::parse_box(rest.substr(0, end));
    if (!box) return std::nullopt;
    boxes.push_back(*box);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (boxes.empty()) return std::nullopt;
  return boxes;
}

/// What commas separate.
std::vector<std::string_view> words_of_list(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t comma = text.find(',');
    words.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return words;
    text.remove_prefix(comma + 1);
  }
}

void expect_value(const Parameter& parameter, const std::string& value) {
  switch (parameter.kind) {
    case ParameterKind::Text:
      return;
    case ParameterKind::Choice:
      if (std::ranges::find(parameter.choices, value) == parameter.choices.end()) {
        throw bad_value(parameter, value, fmt::format("{}", fmt::join(parameter.choices, ", ")));
      }
      return;
    case ParameterKind::List:
      for (const std::string_view word : words_of_list(value)) {
        if (std::ranges::find(parameter.choices, word) == parameter.choices.end()) {
          throw bad_value(parameter, value, fmt::format("{}", fmt::join(parameter.choices, ", ")));
        }
      }
      return;
    case ParameterKind::Flag:
      if (value != "true" && value != "false") throw bad_value(parameter, value, "true or false");
      return;
    case ParameterKind::Whole:
      if (!parse_number<Index>(value)) throw bad_value(parameter, value, "an integer");
      return;
    case ParameterKind::Boxes:
      if (!parse_boxes(value)) {
        throw bad_value(parameter, value,
                        "x,y,width,height in pixels, several of them separated by `;`, or "
                        "[[x, y, width, height], ...]; within a million, width and height above 0");
      }
      return;
  }
}

}  // namespace

void Fields::add(const std::string& name, const std::string& value) {
  const auto parameter = std::ranges::find(operation_.parameters, name, &Parameter::name);
  if (parameter == operation_.parameters.end()) {
    std::vector<std::string_view> names = {"image"};
    for (const Parameter& known : operation_.parameters) names.push_back(known.name);
    throw HttpError(400, "invalid-argument",
                    {.summary = fmt::format("{} has no field of this name", operation_.path),
                     .key = name.substr(0, kMaxShown),
                     .expected = fmt::format("{}", fmt::join(names, ", "))});
  }
  expect_value(*parameter, value);
  if (!given_.emplace(name, value).second) {
    throw HttpError(400, "invalid-argument",
                    {.summary = fmt::format("`{}` is given twice", name), .key = name});
  }
}

std::string Fields::text(std::string_view name) const {
  const auto found = given_.find(std::string(name));
  if (found != given_.end()) return found->second;
  const auto parameter = std::ranges::find(operation_.parameters, name, &Parameter::name);
  return parameter == operation_.parameters.end() ? std::string() : std::string(parameter->initial);
}

std::vector<std::string> Fields::list(std::string_view name) const {
  std::vector<std::string> words;
  const std::string all = text(name);
  for (const std::string_view word : words_of_list(all)) words.emplace_back(word);
  return words;
}

Index Fields::whole(std::string_view name) const {
  return parse_number<Index>(text(name)).value_or(0);
}

std::vector<Box> Fields::boxes(std::string_view name) const {
  return parse_boxes(text(name)).value_or(std::vector<Box>{});
}

}  // namespace sapiens::serve
