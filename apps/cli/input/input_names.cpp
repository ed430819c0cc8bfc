#include <algorithm>
#include <array>
#include <sapiens/error.hpp>
#include <system_error>

#include "cli/input/inputs.hpp"
#include "core/parse_number.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

// The names under which JPEG, PNG and WebP are saved; browsers write .jfif and .pjpeg.
constexpr std::array<std::string_view, 9> kImageExtensions = {
    ".jpg", ".jpeg", ".png", ".webp", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp"};

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

}  // namespace

std::span<const std::string_view> image_extensions() { return kImageExtensions; }

std::string lower_extension(const fs::path& path) { return lower_case(path.extension().string()); }

bool is_image_name(const fs::path& path) {
  return std::find(kImageExtensions.begin(), kImageExtensions.end(), lower_extension(path)) !=
         kImageExtensions.end();
}

bool is_hidden(const fs::path& name) { return name.native().starts_with('.'); }

std::optional<int> camera_of(std::string_view text) {
  constexpr std::string_view kPrefix = "camera:";
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const auto number = parse_number<int>(text);
  return number >= 0 ? number : std::nullopt;
}

std::string name_key(const fs::path& path) {
  std::error_code error;
  fs::path key;
  for (const fs::path& part : fs::absolute(path, error)) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      key /= part;
      continue;
    }
    // The folder above a linked folder is above the link's target.
    if (fs::is_symlink(key, error)) key = fs::weakly_canonical(key, error);
    key = key.parent_path();
  }
  return key.string();
}

std::string InputFile::text() const {
  return member.empty() ? path.string() : path.string() + "/" + member;
}

bool is_array(const fs::path& path) { return lower_extension(path) == ".npy"; }

InputList parse_input_list(std::string_view text, const std::string& source) {
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
