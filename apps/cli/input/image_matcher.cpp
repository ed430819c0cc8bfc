#include "cli/input/image_matcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <utility>

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

/// The last part first, each with a slash behind it: all paths with the same end are neighbours.
std::string reversed_key(std::span<const std::string> parts) {
  std::string key;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) key += *part + "/";
  return key;
}

/// A key, and the number of an image.
using Row = std::pair<std::string, std::size_t>;
using Rows = std::span<const Row>;

/// Numbers of images under keys.
class Table {
 public:
  void add(std::string key, std::size_t image) { rows_.emplace_back(std::move(key), image); }
  void sort() {
    std::ranges::sort(rows_);
    rows_.erase(std::unique(rows_.begin(), rows_.end()), rows_.end());
  }

  Rows equal_to(std::string_view key) const { return find(key, std::string_view::npos); }
  Rows beginning_with(std::string_view key) const { return find(key, key.size()); }

 private:
  /// Where the first `length` characters are `key`.
  Rows find(std::string_view key, std::size_t length) const {
    const auto key_of = [length](const Row& row) {
      return std::string_view(row.first).substr(0, length);
    };
    // Two searches, because Clang 14 does not take the subrange of equal_range.
    const auto first = std::ranges::lower_bound(rows_, key, {}, key_of);
    return {first, std::ranges::upper_bound(first, rows_.end(), key, {}, key_of)};
  }

  std::vector<Row> rows_;  // sorted
};

enum class Strength { FileName, EndsWithName, WithinPath };

struct Found {
  Rows rows = {};
  Strength strength = Strength::WithinPath;
};

class Finder {
 public:
  explicit Finder(std::span<const KnownImage> known) {
    for (std::size_t i = 0; i < known.size(); ++i) {
      paths_.add(reversed_key(path_parts(known[i].path)), i);
      names_.add(reversed_key(path_parts(known[i].name)), i);
      for (const std::string& id : known[i].ids) ids_.add(id, i);
    }
    for (Table* table : {&paths_, &names_, &ids_}) table->sort();
  }

  Found find(const ImageRef& ref) const {
    return ref.is_id ? Found{ids_.equal_to(ref.text)} : find_name(path_parts(ref.text));
  }

 private:
  Found find_name(const std::vector<std::string>& parts) const {
    if (parts.empty()) return {};
    const std::string whole = reversed_key(parts);
    for (const Rows rows :
         {paths_.equal_to(whole), names_.equal_to(whole), paths_.beginning_with(whole)}) {
      if (!rows.empty()) return {rows};
    }
    for (auto rest = std::span(parts).subspan(1); rest.size() > 1; rest = rest.subspan(1)) {
      const Rows rows = names_.equal_to(reversed_key(rest));
      if (!rows.empty()) return {rows, Strength::EndsWithName};
    }
    return {paths_.beginning_with(parts.back() + "/"), Strength::FileName};
  }

  Table paths_, names_, ids_;
};

struct ImageClaim {
  const ImageRef* ref;
  Strength strength;
};

/// Who of those that claim one image has it.
void settle(std::span<const ImageClaim> claims, std::size_t image, ImageMatches& matches) {
  const Strength best = std::ranges::max(claims, {}, &ImageClaim::strength).strength;
  std::set<std::vector<std::string>> names;  // of the best
  for (const ImageClaim& claim : claims) {
    if (claim.strength == best) names.insert(path_parts(claim.ref->text));
  }
  const bool clear = best == Strength::WithinPath || names.size() == 1;
  if (!clear) matches.unclear_images.insert(image);
  for (const ImageClaim& claim : claims) {
    if (claim.strength != best) continue;
    if (clear) {
      matches.image_of.emplace(*claim.ref, image);
    } else {
      matches.unclear.insert(*claim.ref);
    }
  }
}

std::string stem_of(const std::string& path) {
  const std::vector<std::string> parts = path_parts(path);
  return parts.empty() ? "" : fs::path(parts.back()).stem().string();
}

}  // namespace

std::vector<std::string> path_parts(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find_first_of("/\\"), path.size());
    const std::string_view part = path.substr(0, end);
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.emplace_back(part);
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

ImageMatches match_images(std::span<const KnownImage> known, const std::set<ImageRef>& refs) {
  const Finder finder(known);
  ImageMatches matches;
  std::vector<std::vector<ImageClaim>> claims(known.size());
  std::set<std::pair<const Row*, std::size_t>> unclear;  // rows, once each: they may be many
  for (const ImageRef& ref : refs) {
    const auto [rows, strength] = finder.find(ref);
    if (rows.size() > 1) {
      matches.unclear.insert(ref);
      unclear.emplace(rows.data(), rows.size());
    } else if (!rows.empty()) {
      claims[rows.front().second].push_back({&ref, strength});
    }
  }
  for (std::size_t image = 0; image < known.size(); ++image) {
    if (!claims[image].empty()) settle(claims[image], image, matches);
  }
  for (const auto& [first, count] : unclear) {
    for (const auto& [key, image] : Rows(first, count)) {
      if (claims[image].empty()) matches.unclear_images.insert(image);
    }
  }
  return matches;
}

std::string other_extension_note(std::span<const KnownImage> known, const std::string& name) {
  const std::string stem = stem_of(name);
  const auto found = std::ranges::find_if(
      known, [&](const KnownImage& image) { return stem_of(image.path) == stem; });
  if (stem.empty() || found == known.end()) return "";
  return fmt::format(" (there is {})", path_parts(found->path).back());
}

}  // namespace sapiens::cli
