#include <algorithm>
#include <array>
#include <sapiens/error.hpp>

#include "cli/input/archive_inputs.hpp"

namespace sapiens::cli {
namespace {

using namespace std::string_view_literals;

constexpr auto kUtf8Mark = "\xef\xbb\xbf"sv;
constexpr auto kWhiteSpace = " \t\r\v\f"sv;

/// ASCII in UTF-16 has a zero in every other byte, in UTF-32 in three of four; names separated by
/// NUL bytes have far fewer.
bool is_wide(std::string_view text) {
  if (text.starts_with("\xff\xfe"sv) || text.starts_with("\xfe\xff"sv)) return true;
  if (text.starts_with("\0\0\xfe\xff"sv)) return true;
  const auto zeros = std::count(text.begin(), text.end(), '\0');
  return text.size() >= 4 && static_cast<std::size_t>(zeros) * 2 >= text.size() - 1;
}

void refuse_archive(std::string_view text, const std::string& source) {
  if (archive_bytes(text) == ArchiveBytes::None) return;
  throw Error(ErrorCode::UnsupportedFormat,
              {.summary = "this is an archive, not a list of inputs",
               .file = source,
               .expected = "names in UTF-8, one per line or separated by NUL bytes",
               .hint = "archives are recognised by endings as .tar; tar:- is a tar on standard "
                       "input"});
}

}  // namespace

std::optional<std::string> read_input_list(std::istream& in, const std::string& source) {
  std::string text;
  std::array<char, 65536> block{};
  while (in.read(block.data(), block.size()), in.gcount() > 0) {
    const bool first = text.empty();
    text.append(block.data(), static_cast<std::size_t>(in.gcount()));
    if (first) refuse_archive(text, source);  // before gigabytes of it are read
  }
  if (in.bad()) return std::nullopt;
  return text;
}

InputList parse_input_list(std::string_view text, const std::string& source) {
  refuse_archive(text, source);
  if (is_wide(text)) {
    throw Error(ErrorCode::UnsupportedFormat,
                {.summary = "this list of inputs is not UTF-8 text",
                 .file = source,
                 .expected = "names in UTF-8, one per line or separated by NUL bytes",
                 .actual = "every other byte is zero, or it begins as UTF-16 does",
                 .hint = "convert it: iconv -f UTF-16 -t UTF-8 LIST > list.txt"});
  }
  if (text.starts_with(kUtf8Mark)) text.remove_prefix(kUtf8Mark.size());

  InputList list{.separated_by_nul = text.find('\0') != text.npos};
  const char separator = list.separated_by_nul ? '\0' : '\n';
  std::size_t line = 1;
  while (!text.empty()) {
    const std::string_view name = text.substr(0, text.find(separator));
    if (!name.empty()) list.names.push_back({std::string(name), line});
    const std::string_view passed = text.substr(0, name.size() + 1);
    line += static_cast<std::size_t>(std::count(passed.begin(), passed.end(), '\n'));
    text.remove_prefix(passed.size());
  }
  return list;
}

std::vector<std::string> spellings_of_line(const std::string& line) {
  std::vector<std::string> spellings = {line};
  if (line.ends_with('\r')) spellings.push_back(line.substr(0, line.size() - 1));
  const std::size_t first = line.find_first_not_of(kWhiteSpace);
  if (first == line.npos) return {};
  std::string trimmed = line.substr(first, line.find_last_not_of(kWhiteSpace) - first + 1);
  if (trimmed != spellings.back()) spellings.push_back(std::move(trimmed));
  return spellings;
}

}  // namespace sapiens::cli
