#include "cli/input/name_patterns.hpp"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <new>
#include <optional>
#include <sapiens/error.hpp>
#include <string_view>
#include <system_error>

#include "core/parse_number.hpp"

namespace sapiens::cli {
namespace {

using Names = std::vector<std::string>;

// No name is longer, and what is no name need not be taken apart.
constexpr std::size_t kMaxPattern = 4096;

bool is_a_file(const std::string& name) {
  std::error_code error;
  return std::filesystem::exists(name, error);
}

/// Names are at most as long as their pattern.
void expect_few(std::uint64_t count, std::string_view pattern) {
  if (count <= kMaxPatternNames && count * pattern.size() <= kMaxPatternBytes) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "a pattern stands for too many inputs",
               .expected = fmt::format("at most {} names, and {} MiB of them", kMaxPatternNames,
                                       kMaxPatternBytes >> 20),
               .hint = "name a folder, or give the names in a .txt list"});
}

/// Parts between commas that are in no inner braces.
std::vector<std::string_view> comma_parts(std::string_view list) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    depth += (list[i] == '{') - (list[i] == '}');
    if (list[i] != ',' || depth != 0) continue;
    parts.push_back(list.substr(begin, i - begin));
    begin = i + 1;
  }
  parts.push_back(list.substr(begin));
  return parts;
}

bool has_zero_in_front(std::string_view number) { return number.size() > 1 && number[0] == '0'; }

/// The numbers of "08..11"; nothing for another text.
std::optional<Names> numbers_between(std::string_view range) {
  const std::size_t dots = range.find("..");
  if (dots == range.npos) return std::nullopt;
  const std::string_view first_text = range.substr(0, dots), last_text = range.substr(dots + 2);
  const auto first = parse_number<std::uint32_t>(first_text);
  const auto last = parse_number<std::uint32_t>(last_text);
  if (!first || !last) return std::nullopt;
  const std::uint64_t low = std::min(*first, *last), high = std::max(*first, *last);
  expect_few(high - low + 1, range);
  const bool is_wide = has_zero_in_front(first_text) || has_zero_in_front(last_text);
  const std::size_t width = is_wide ? std::max(first_text.size(), last_text.size()) : 1;
  Names numbers;
  for (std::uint64_t n = low; n <= high; ++n) numbers.push_back(fmt::format("{:0{}}", n, width));
  if (*first > *last) std::ranges::reverse(numbers);
  return numbers;
}

std::size_t closing_brace(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    depth += (text[i] == '{') - (text[i] == '}');
    if (depth == 0) return i;
  }
  return text.npos;
}

Names expand_braces(std::string_view text);

/// What stands for braces around `inside`; nothing where they are part of a name.
std::optional<Names> alternatives(std::string_view inside) {
  const std::vector<std::string_view> parts = comma_parts(inside);
  if (parts.size() == 1) return numbers_between(inside);
  Names all;
  for (const std::string_view part : parts) {
    const Names names = expand_braces(part);
    all.insert(all.end(), names.begin(), names.end());
    expect_few(all.size(), inside);
  }
  return all;
}

Names expand_braces(std::string_view text) {
  for (std::size_t open = text.find('{'); open != text.npos; open = text.find('{', open + 1)) {
    const std::size_t close = closing_brace(text, open);
    if (close == text.npos) continue;
    const std::optional<Names> middles = alternatives(text.substr(open + 1, close - open - 1));
    if (!middles) continue;
    const Names ends = expand_braces(text.substr(close + 1));
    expect_few(std::uint64_t{middles->size()} * ends.size(), text);
    Names names;
    for (const std::string& middle : *middles) {
      for (const std::string& end : ends) {
        names.push_back(fmt::format("{}{}{}", text.substr(0, open), middle, end));
      }
    }
    return names;
  }
  return {std::string(text)};
}

/// The files that match, sorted; `pattern` itself where there is none.
Names matches_of(const std::string& pattern) {
  ::glob_t found{};
  const int result = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  Names names(found.gl_pathv, found.gl_pathv + (result == 0 ? found.gl_pathc : 0));
  ::globfree(&found);
  if (result == GLOB_NOSPACE) throw std::bad_alloc();
  if (names.empty()) return {pattern};
  std::ranges::sort(names);
  return names;
}

}  // namespace

Names expand_pattern(const std::string& argument) {
  const bool is_pattern = argument.find_first_of("{*?[") != argument.npos;
  if (!is_pattern || argument.size() > kMaxPattern || is_a_file(argument)) return {argument};
  Names all;
  for (const std::string& name : expand_braces(argument)) {
    if (name.find_first_of("*?[") == name.npos || is_a_file(name)) {
      all.push_back(name);
    } else {
      for (std::string& match : matches_of(name)) all.push_back(std::move(match));
    }
    expect_few(all.size(), "");
  }
  return all;
}

}  // namespace sapiens::cli
