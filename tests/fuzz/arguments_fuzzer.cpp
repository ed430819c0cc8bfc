// Any bytes as words of a command line and as a list of inputs: patterns of names, parts of a run,
// boxes, cameras, and names of the hub, which become parts of paths.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "cli/dataset/shard_plan.hpp"
#include "cli/input/archive_inputs.hpp"
#include "cli/input/name_patterns.hpp"
#include "cli/options/options.hpp"
#include "fuzz/support/check.hpp"
#include "fuzz/support/entry_points.hpp"
#include "fuzz/support/lines.hpp"
#include "hub/cached_repository.hpp"
#include "sapiens/error.hpp"
#include "sapiens/hub.hpp"

SAPIENS_FUZZ_MUTATOR(mutate_lines)

namespace {

using namespace sapiens;
using namespace sapiens::cli;
using fuzz::check;
namespace fs = std::filesystem;

void read_list(std::string_view text) {
  const InputList list = parse_input_list(text, "list");
  const char separator = list.separated_by_nul ? '\0' : '\n';
  std::string written;
  for (const ListedName& name : list.names) {
    check(!name.text.empty() && name.text.find(separator) == std::string::npos);
    written += name.text + separator;
    for (const std::string& spelling : spellings_of_line(name.text)) check(!spelling.empty());
  }
  // A mark in front, which is dropped once, may be that of another name.
  if (written.starts_with("\xef\xbb\xbf") || written.size() < 4) return;
  const InputList again = parse_input_list(written, "list");
  check(std::ranges::equal(again.names, list.names, {}, &ListedName::text, &ListedName::text));
}

// What matches depends on the folder the fuzzer runs in. A word may stand for a million names,
// which takes long for long ones.
void expand(const std::string& word) try {
  if (word.size() > 48 || word.find_first_of("*?[") != word.npos) return;
  const auto names = expand_pattern(word);
  check(!names.empty() && names.size() <= kMaxPatternNames);
  check(std::ranges::all_of(names, [&](auto& name) { return name.size() <= word.size(); }));
} catch (const Error&) {
}

void read_word(const std::string& word) {
  if (const auto part = parse_part(word)) check(part->index < part->count);
  if (const auto box = parse_box(word)) {
    check(box->width > 0 && box->height > 0 && std::isfinite(box->x) && std::isfinite(box->y));
  }
  if (const auto camera = camera_of(word)) check(*camera >= 0);
  if (is_archive_name(word)) check(!without_archive_ending(word).filename().empty());
}

void read_names(const std::string& repository, const std::string& path) {
  if (const PublishedFile* file = find_published(repository)) check(file->name == repository);
  if (!hub::is_repository(repository)) return;
  const hub::CachedRepository cached("/cache", repository);
  check(cached.folder().parent_path() == "/cache");
  check(cached.folder() == cached.folder().lexically_normal());
  if (!hub::is_path_in_repository(path)) return;
  const fs::path file = cached.snapshot(std::string(40, 'a'), path);
  check(file == file.lexically_normal() && file.string().starts_with(cached.folder().string()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  try {
    read_list(text);
  } catch (const Error&) {
  }
  const std::vector<std::string> words = fuzz::take_lines_apart(text);
  if (!words.empty()) expand(words.front());
  for (const std::string& word : words) read_word(word);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) read_names(words[i], words[i + 1]);
  return 0;
}
