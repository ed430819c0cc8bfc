#include "model/detect.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/shape.hpp"
#include "model/shape_vote.hpp"

namespace sapiens {
namespace {

// "AxB" as our own files record it, both of `least` to `most`.
std::optional<std::pair<Index, Index>> parse_pair(std::string_view text, Index least, Index most) {
  const auto x = text.find('x');
  if (x == std::string_view::npos) return std::nullopt;
  std::pair<Index, Index> found;
  const auto read = [&](std::string_view digits, Index& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size() && value >= least &&
           value <= most;
  };
  if (!read(text.substr(0, x), found.first) || !read(text.substr(x + 1), found.second))
    return std::nullopt;
  return found;
}

}  // namespace

std::optional<std::string> recorded(const StateDict& dict, std::string_view name) {
  for (const auto& [key, value] : dict.metadata) {
    if (key.ends_with(name)) return value;
  }
  return std::nullopt;
}

std::optional<Grid> recorded_grid(const StateDict& dict) {
  const std::optional<std::string> text = recorded(dict, "sapiens.grid");
  const auto sides = text ? parse_pair(*text, 1, kMaxWidth) : std::nullopt;
  return sides ? std::optional(Grid{sides->first, sides->second}) : std::nullopt;
}

std::optional<HeadLayers> recorded_head_layers(const StateDict& dict) {
  constexpr Index kMaxLayers = 64;
  const std::optional<std::string> text = recorded(dict, "sapiens.head_layers");
  const auto layers = text ? parse_pair(*text, 0, kMaxLayers) : std::nullopt;
  return layers ? std::optional(HeadLayers{layers->first, layers->second}) : std::nullopt;
}

std::optional<std::vector<Index>> OfferedShapes::find(std::string_view key) const {
  std::optional<std::vector<Index>> joined;
  for (const std::string& path : file_paths(names_, key)) {
    const auto tensor = index_.find(path);
    if (!tensor) return std::nullopt;
    const std::vector<Index>& shape = dict_.tensors[*tensor].shape;
    if (!joined) {
      joined = shape;
    } else if (!shape.empty() && !joined->empty()) {
      (*joined)[0] = saturating_add((*joined)[0], shape[0]);
    }
  }
  return joined;
}

Index OfferedShapes::count_blocks() const {
  return count_behind(names_.root + std::string(names_.scheme->block));
}

Index OfferedShapes::count_numbered(std::string_view prefix) const {
  return count_behind(std::string(names_.parent()) + std::string(prefix));
}

Index OfferedShapes::count_behind(std::string_view prefix) const {
  Index count = 0;
  const auto look_at = [&](std::string_view path) {
    if (!path.starts_with(prefix)) return;
    const std::string_view rest = path.substr(prefix.size());
    Index number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error == std::errc() && end != rest.data() && number >= 0 && number < kMaxDepth) {
      count = std::max(count, number + 1);
    }
  };
  for (std::size_t i = 0; i < index_.size(); ++i) look_at(index_.plain_path(i));
  for (const auto& [name, tensor] : index_.aliases()) look_at(name);
  return count;
}

bool OfferedShapes::has_part(std::string_view prefix,
                             std::span<const std::string_view> except) const {
  const std::string_view parent = names_.parent();
  for (std::size_t i = 0; i < index_.size(); ++i) {
    const std::string_view path = index_.plain_path(i);
    if (!path.starts_with(parent)) continue;
    const std::string_view name = path.substr(parent.size());
    if (name.starts_with(prefix) && std::ranges::find(except, name) == except.end()) return true;
  }
  return false;
}

DetectedModel detect_model(const OfferedShapes& offered, const ModelHints& options) {
  return offered.family() == Family::Sapiens2 ? detect_sapiens2(offered, options)
                                              : detect_sapiens(offered, options);
}

}  // namespace sapiens
