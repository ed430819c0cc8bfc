#include "engine/nested_meta.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "core/parse_number.hpp"

namespace sapiens {
namespace {

using Notes = std::map<std::string, std::string>;

constexpr std::string_view kDatasetMeta = "dataset_meta";

// A flat note has lost what it was: "17" may be a number or the name of a class, and "a.b" two
// levels or one name with a dot. So the form of each entry is written down here.
enum class Form {
  Texts,     ///< Text, or a list of it.
  Numbers,   ///< A number, a list of them, or a list of lists.
  NameOfId,  ///< {0: "nose", ...}
  IdOfName,  ///< {"nose": 0, ...}
};

// As mmpose and mmsegmentation write them.
constexpr std::pair<std::string_view, Form> kEntries[] = {
    {"dataset_name", Form::Texts},
    {"classes", Form::Texts},
    {"CLASSES", Form::Texts},
    {"palette", Form::Numbers},
    {"PALETTE", Form::Numbers},
    {"num_keypoints", Form::Numbers},
    {"keypoint_id2name", Form::NameOfId},
    {"keypoint_name2id", Form::IdOfName},
    {"upper_body_ids", Form::Numbers},
    {"lower_body_ids", Form::Numbers},
    {"flip_indices", Form::Numbers},
    {"flip_pairs", Form::Numbers},
    {"keypoint_colors", Form::Numbers},
    {"num_skeleton_links", Form::Numbers},
    {"skeleton_links", Form::Numbers},
    {"skeleton_link_colors", Form::Numbers},
    {"dataset_keypoint_weights", Form::Numbers},
    {"sigmas", Form::Numbers},
};

std::optional<PlainValue> leaf(const std::string& text, Form form) {
  if (form == Form::Texts) return PlainValue{text};
  if (const auto whole = parse_number<Index>(text)) return PlainValue{*whole};
  if (const auto real = parse_number<double>(text)) return PlainValue{*real};
  return std::nullopt;
}

/// The notes of one entry, as a value.
class Entry {
 public:
  /// `path` is "dataset_meta.classes".
  Entry(const Notes& notes, std::string path) : notes_(notes), path_(std::move(path)) {
    const std::string below = path_ + ".";
    for (auto note = notes.lower_bound(below);
         note != notes.end() && note->first.starts_with(below); ++note) {
      items_.emplace_back(note->first.substr(below.size()), note->second);
    }
  }

  /// Nothing where the notes are none of that form, all of them.
  std::optional<PlainValue> as(Form form) const {
    if (form == Form::NameOfId || form == Form::IdOfName) return dictionary(form);
    std::size_t used = 0;
    auto found = list_or_leaf(path_, form, kMaxDepth, used);
    return used == items_.size() + notes_.count(path_) ? found : std::nullopt;
  }

 private:
  static constexpr int kMaxDepth = 2;  // a list of colours

  std::optional<PlainValue> list_or_leaf(const std::string& path, Form form, int depth,
                                         std::size_t& used) const {
    if (const auto note = notes_.find(path); note != notes_.end()) {
      ++used;
      return leaf(note->second, form);
    }
    PlainValue::List list;
    while (depth > 0) {
      auto item = list_or_leaf(fmt::format("{}.{}", path, list.size()), form, depth - 1, used);
      if (!item) break;
      list.push_back(std::move(*item));
    }
    return list.empty() ? std::nullopt : std::optional(PlainValue{std::move(list)});
  }

  // Sorted by number, as they were written: notes are sorted as text.
  std::optional<PlainValue> dictionary(Form form) const {
    std::vector<std::pair<Index, std::string>> names;
    for (const auto& [key, value] : items_) {
      const auto id = parse_number<Index>(form == Form::NameOfId ? key : value);
      if (!id) return std::nullopt;
      names.emplace_back(*id, form == Form::NameOfId ? value : key);
    }
    if (names.empty() || notes_.contains(path_)) return std::nullopt;
    std::ranges::sort(names);
    PlainValue::Dict dict;
    for (const auto& [id, name] : names) {
      PlainValue number{id}, text{name};
      form == Form::NameOfId ? dict.emplace_back(std::move(number), std::move(text))
                             : dict.emplace_back(std::move(text), std::move(number));
    }
    return PlainValue{std::move(dict)};
  }

  const Notes& notes_;
  std::string path_;
  std::vector<std::pair<std::string, std::string>> items_;  ///< By what follows the path.
};

}  // namespace

PlainValue::Dict nested_meta(Notes notes) {
  PlainValue::Dict dataset;
  for (const auto& [name, form] : kEntries) {
    const std::string path = fmt::format("{}.{}", kDatasetMeta, name);
    auto value = Entry(notes, path).as(form);
    if (!value) continue;
    dataset.emplace_back(PlainValue{std::string(name)}, std::move(*value));
    std::erase_if(notes, [&](const auto& note) {
      return note.first == path || note.first.starts_with(path + ".");
    });
  }
  PlainValue::Dict meta;
  for (const auto& [key, value] : notes) meta.emplace_back(PlainValue{key}, PlainValue{value});
  if (!dataset.empty()) {
    meta.emplace_back(PlainValue{std::string(kDatasetMeta)}, PlainValue{std::move(dataset)});
  }
  return meta;
}

}  // namespace sapiens
