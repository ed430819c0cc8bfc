#include "reconcile/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

namespace sapiens {
namespace {

constexpr std::string_view kBackbone = "backbone.";

bool is_wrapper(std::string_view component) noexcept {
  return std::ranges::find(wrapper_rules(), component, &WrapperRule::component) !=
         wrapper_rules().end();
}

// `{}` in a scheme's template becomes the block's number.
std::string with_number(std::string_view pattern, std::string_view number) {
  std::string text(pattern);
  if (const auto at = text.find("{}"); at != std::string::npos) text.replace(at, 2, number);
  return text;
}

struct CanonicalName {
  std::string module;       // "layers.{}.attn.qkv"
  std::string_view number;  // "17", or empty
  std::string_view leaf;    // ".weight", ".bias" or empty
};

CanonicalName parse_canonical(std::string_view key, std::string_view blocks) {
  CanonicalName name;
  for (const std::string_view leaf : {".weight", ".bias"}) {
    if (key.ends_with(leaf)) {
      name.leaf = key.substr(key.size() - leaf.size());
      key.remove_suffix(leaf.size());
      break;
    }
  }
  if (key.starts_with(blocks)) {
    const auto end = key.find('.', blocks.size());
    name.number = key.substr(blocks.size(), end - blocks.size());
    name.module = fmt::format("{}{{}}{}", blocks, key.substr(end));
  } else {
    name.module = key;
  }
  return name;
}

std::vector<std::string> relative_paths(const NameScheme& scheme, std::string_view key) {
  if (scheme.modules.empty()) return {std::string(key)};
  const CanonicalName name = parse_canonical(key, block_names(scheme.family));
  std::vector<std::string> paths;
  const auto add = [&](std::string_view pattern, std::string_view leaf) {
    paths.push_back(with_number(pattern, name.number) + std::string(leaf));
  };
  if (name.module == "layers.{}.attn.qkv" && !scheme.split_qkv.empty()) {
    for (const std::string_view part : scheme.split_qkv) add(part, name.leaf);
    return paths;
  }
  const std::string parameter = name.module + std::string(name.leaf);
  for (const ModuleName& known : scheme.modules) {
    if (known.canonical == name.module) add(known.file, name.leaf);
    if (known.canonical == parameter && !name.leaf.empty()) add(known.file, {});
  }
  return paths;
}

bool ends_with_component(std::string_view path, std::string_view suffix) noexcept {
  return path.ends_with(suffix) &&
         (path.size() == suffix.size() || path[path.size() - suffix.size() - 1] == '.');
}

// The paths of a file's tensors in order, if it has second names.
std::vector<std::string_view> sorted_paths(const NameIndex& index) {
  std::vector<std::string_view> paths;
  if (index.aliases().empty()) return paths;
  for (std::size_t i = 0; i < index.size(); ++i) paths.push_back(index.plain_path(i));
  std::ranges::sort(paths);
  return paths;
}

// A place of second names alone is the first names' place again.
bool holds_tensors(std::span<const std::string_view> sorted, std::string_view root) {
  const auto first = std::ranges::lower_bound(sorted, root);
  return first != sorted.end() && first->starts_with(root);
}

}  // namespace

std::vector<std::string_view> path_components(std::string_view path) {
  std::vector<std::string_view> components;
  while (!path.empty()) {
    const auto dot = path.find('.');
    components.push_back(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return components;
}

std::string shown_key(std::string_view path) {
  constexpr std::string_view kStateDict = "state_dict.";
  if (path.starts_with(kStateDict)) path.remove_prefix(kStateDict.size());
  return std::string(path);
}

std::string without_wrappers(std::string_view path) {
  std::string plain;
  for (const std::string_view component : path_components(path)) {
    if (is_wrapper(component)) continue;
    if (!plain.empty()) plain += '.';
    plain += component;
  }
  return plain;
}

bool same_values(const TensorEntry& a, const TensorEntry& b) noexcept {
  return a.data != nullptr && a.data == b.data && a.dtype == b.dtype && a.shape == b.shape &&
         a.strides == b.strides && a.byte_swapped == b.byte_swapped && a.negated == b.negated &&
         !a.unreadable && !b.unreadable;
}

NameIndex::NameIndex(const StateDict& dict) : alterations_({}) {
  plain_paths_.reserve(dict.tensors.size());
  for (const TensorEntry& tensor : dict.tensors) {
    plain_paths_.push_back(without_wrappers(tensor.path()));
  }
  if (!fill(dict)) {
    for (std::size_t i = 0; i < plain_paths_.size(); ++i) {
      plain_paths_[i] = dict.tensors[i].path();
    }
    fill(dict);
  }
  for (const auto& [name, tensor] : dict.aliases) {
    std::string plain = without_wrappers(name);
    if (!by_path_.contains(plain)) aliases_.try_emplace(std::move(plain), tensor);
  }
  alterations_ = Alterations(plain_paths_);
}

bool NameIndex::fill(const StateDict& dict) {
  by_path_.clear();
  ambiguous_.assign(plain_paths_.size(), false);
  bool wrappers_hide = false;
  for (std::size_t i = 0; i < plain_paths_.size(); ++i) {
    const auto [first, is_new] = by_path_.try_emplace(plain_paths_[i], i);
    const std::size_t other = first->second;
    if (is_new || same_values(dict.tensors[i], dict.tensors[other])) continue;
    ambiguous_[i] = ambiguous_[other] = true;
    const std::string path = dict.tensors[i].path(), other_path = dict.tensors[other].path();
    if (path == other_path) continue;
    wrappers_hide = true;
    const std::string both =
        fmt::format("{} and {}", std::min(path, other_path), std::max(path, other_path));
    if (collision_.empty() || both < collision_) collision_ = both;
  }
  return !wrappers_hide;
}

std::optional<std::size_t> NameIndex::find(std::string_view plain_path) const {
  if (const auto found = by_path_.find(plain_path); found != by_path_.end()) return found->second;
  if (aliases_.empty()) return std::nullopt;
  const auto alias = aliases_.find(std::string(plain_path));
  return alias == aliases_.end() ? std::nullopt : std::optional(alias->second);
}

bool NameIndex::is_alias(std::string_view plain_path) const {
  return !aliases_.empty() && !by_path_.contains(plain_path) &&
         aliases_.contains(std::string(plain_path));
}

bool OtherNames::owns(std::size_t tensor, std::string_view tensor_path,
                      std::string_view parent) const {
  const bool inside = parent.starts_with(path) && tensor_path.starts_with(parent);
  if (!path.empty() && !inside) return tensor_path.starts_with(path);
  return std::ranges::binary_search(tensors, tensor);
}

bool EncoderNames::has_backbone_prefix() const noexcept {
  return ends_with_component(root, kBackbone);
}

std::string_view EncoderNames::parent() const noexcept {
  std::string_view parent = root;
  if (has_backbone_prefix()) parent.remove_suffix(kBackbone.size());
  return parent;
}

Role EncoderNames::role() const {
  Role role = Role::Plain;
  for (const std::string_view component : path_components(root)) {
    const PrefixRule* rule = find_prefix_rule(component);
    if (rule != nullptr) role = std::max(role, rule->role);
  }
  return role;
}

std::string EncoderNames::undescribed() const {
  std::string unknown;
  for (const std::string_view component : path_components(root)) {
    if (find_prefix_rule(component) == nullptr) unknown += std::string(component) + '.';
  }
  return unknown;
}

std::vector<EncoderNames> find_encoders(const NameIndex& index,
                                        std::span<const NameScheme> schemes) {
  std::map<std::pair<std::string, const NameScheme*>, int> found;  // how many anchors each has
  const std::vector<std::string_view> sorted = sorted_paths(index);
  for (const NameScheme& scheme : schemes) {
    std::vector<std::string> anchors;
    for (const std::string_view anchor : scheme.anchors) {
      for (std::string& path : relative_paths(scheme, anchor)) anchors.push_back(std::move(path));
    }
    const auto count_anchors = [&](const std::string& path, bool is_alias) {
      for (const std::string& anchor : anchors) {
        if (!ends_with_component(path, anchor)) continue;
        std::string root = path.substr(0, path.size() - anchor.size());
        if (std::ranges::any_of(path_components(root), is_optimizer_state)) continue;
        if (is_alias && !holds_tensors(sorted, root)) continue;
        ++found[{std::move(root), &scheme}];
      }
    };
    for (std::size_t i = 0; i < index.size(); ++i) count_anchors(index.plain_path(i), false);
    for (const auto& [name, tensor] : index.aliases()) count_anchors(name, true);
  }
  std::vector<std::pair<int, EncoderNames>> ranked;
  ranked.reserve(found.size());
  for (const auto& [place, anchors] : found) {
    ranked.push_back({anchors, {.root = place.first, .scheme = place.second}});
  }
  std::ranges::stable_sort(ranked, std::greater(), [](const auto& entry) { return entry.first; });
  std::vector<EncoderNames> encoders;
  encoders.reserve(ranked.size());
  for (auto& [anchors, names] : ranked) encoders.push_back(std::move(names));
  return encoders;
}

std::vector<std::string> file_paths(const EncoderNames& names, std::string_view key) {
  if (!key.starts_with(kBackbone)) return {fmt::format("{}{}", names.parent(), key)};
  std::vector<std::string> paths = relative_paths(*names.scheme, key.substr(kBackbone.size()));
  for (std::string& path : paths) path.insert(0, names.root);
  return paths;
}

}  // namespace sapiens
