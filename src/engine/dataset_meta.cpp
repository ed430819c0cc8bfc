#include "engine/dataset_meta.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "core/parse_number.hpp"

namespace sapiens {
namespace {

constexpr const char* kPrefix = "meta.dataset_meta.";
constexpr std::size_t kMaxNameLength = 256;

template <class T>
std::optional<T> parse(const std::string* text) {
  return text ? parse_number<T>(*text) : std::nullopt;
}

bool is_name(const std::string& text) { return !text.empty() && text.size() <= kMaxNameLength; }

bool are_distinct(const std::vector<std::string>& names) {
  return std::set<std::string>(names.begin(), names.end()).size() == names.size();
}

}  // namespace

const std::string* DatasetMeta::find(const std::string& key) const {
  const auto entry = metadata_.find(kPrefix + key);
  return entry == metadata_.end() ? nullptr : &entry->second;
}

std::optional<std::string> DatasetMeta::name(const std::string& key) const {
  const std::string* const text = find(key);
  return text && is_name(*text) ? std::optional(*text) : std::nullopt;
}

std::optional<int> DatasetMeta::index(const std::string& key, Index end) const {
  const auto value = parse<int>(find(key));
  return value && *value >= 0 && *value < end ? value : std::nullopt;
}

std::optional<float> DatasetMeta::number(const std::string& key) const {
  const auto value = parse<double>(find(key));
  if (!value || !std::isfinite(static_cast<float>(*value))) return std::nullopt;
  return static_cast<float>(*value);
}

std::optional<Rgb> DatasetMeta::color(const std::string& key) const {
  std::uint8_t levels[3];
  for (int i = 0; i < 3; ++i) {
    const auto level = index(fmt::format("{}.{}", key, i), 256);
    if (!level) return std::nullopt;
    levels[i] = static_cast<std::uint8_t>(*level);
  }
  return Rgb{levels[0], levels[1], levels[2]};
}

std::vector<std::string> DatasetMeta::keypoint_names(Index count) const {
  const auto names = names_of_ids("keypoint_id2name", count);
  return names.empty() ? ids_of_names("keypoint_name2id.", count) : names;
}

std::vector<std::string> DatasetMeta::class_names(Index count) const {
  const auto names = names_of_ids("classes", count);
  return names.empty() ? names_of_ids("CLASSES", count) : names;
}

// {0: "nose", 1: ...}, or a list.
std::vector<std::string> DatasetMeta::names_of_ids(const std::string& list, Index count) const {
  if (has(fmt::format("{}.{}", list, count))) return {};  // longer than the head is wide
  std::vector<std::string> names;
  for (Index id = 0; id < count; ++id) {
    auto found = name(fmt::format("{}.{}", list, id));
    if (!found) return {};
    names.push_back(std::move(*found));
  }
  return are_distinct(names) ? names : std::vector<std::string>{};
}

// {"nose": 0, ...}
std::vector<std::string> DatasetMeta::ids_of_names(const std::string& list, Index count) const {
  const std::string prefix = kPrefix + list;
  const auto first = metadata_.lower_bound(prefix);
  const auto last = std::find_if(
      first, metadata_.end(), [&](const auto& entry) { return !entry.first.starts_with(prefix); });
  // The file's head may say that there are any number of outputs; memory is for names that exist.
  if (std::distance(first, last) != count) return {};
  std::vector<std::string> names(static_cast<std::size_t>(count));
  for (auto entry = first; entry != last; ++entry) {
    const std::string text = entry->first.substr(prefix.size());
    const auto id = parse<Index>(&entry->second);
    if (!is_name(text) || !id || *id < 0 || *id >= count) return {};
    std::string& place = names[static_cast<std::size_t>(*id)];
    if (!place.empty()) return {};
    place = text;
  }
  return names;
}

}  // namespace sapiens
