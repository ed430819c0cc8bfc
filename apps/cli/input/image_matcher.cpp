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

/// Numbers of images under keys, sorted.
class Table {
 public:
  /// Its places [first, last).
  struct Range {
    std::size_t first = 0, last = 0;

    std::size_t size() const { return last - first; }
    // NOLINTNEXTLINE(modernize-use-nullptr): of the 0 that the compiler compares with
    auto operator<=>(const Range&) const = default;
  };

  void add(std::string key, std::size_t image) { rows_.emplace_back(std::move(key), image); }
  void sort() {
    std::ranges::sort(rows_);
    rows_.erase(std::unique(rows_.begin(), rows_.end()), rows_.end());
  }

  Range equal_to(const std::string& key) const { return range(key, key + '\0'); }
  Range beginning_with(const std::string& key) const {
    std::string after = key;
    ++after.back();  // the slash
    return range(key, after);
  }
  std::size_t image(std::size_t place) const { return rows_[place].second; }

 private:
  Range range(const std::string& from, const std::string& to) const {
    const auto place = [&](const std::string& key) {
      const auto at = std::ranges::lower_bound(
          rows_, key, {}, [](const auto& row) -> const auto& { return row.first; });
      return static_cast<std::size_t>(at - rows_.begin());
    };
    return {place(from), place(to)};
  }

  std::vector<std::pair<std::string, std::size_t>> rows_;
};

enum class Strength { FileName, EndsWithName, WithinPath };

struct Found {
  const Table* table = nullptr;
  Table::Range range = {};
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
    paths_.sort();
    names_.sort();
    ids_.sort();
  }

  Found find(const ImageRef& ref) const {
    return ref.is_id ? Found{&ids_, ids_.equal_to(ref.text)} : find_name(path_parts(ref.text));
  }

 private:
  Found find_name(const std::vector<std::string>& parts) const {
    if (parts.empty()) return {};
    const std::string whole = reversed_key(parts);
    for (const Table* table : {&paths_, &names_}) {
      if (const auto range = table->equal_to(whole); range.size() > 0) return {table, range};
    }
    if (const auto range = paths_.beginning_with(whole); range.size() > 0) return {&paths_, range};
    for (auto rest = std::span(parts).subspan(1); rest.size() > 1; rest = rest.subspan(1)) {
      const auto range = names_.equal_to(reversed_key(rest));
      if (range.size() > 0) return {&names_, range, Strength::EndsWithName};
    }
    return {&paths_, paths_.beginning_with(parts.back() + "/"), Strength::FileName};
  }

  Table paths_, names_, ids_;
};

struct Claim {
  const ImageRef* ref;
  Strength strength;
};

/// Who of those that claim one image has it.
void settle(std::span<const Claim> claims, std::size_t image, ImageMatches& matches) {
  const Strength best = std::ranges::max(claims, {}, &Claim::strength).strength;
  std::set<std::vector<std::string>> names;  // of the best
  for (const Claim& claim : claims) {
    if (claim.strength == best) names.insert(path_parts(claim.ref->text));
  }
  const bool clear = best == Strength::WithinPath || names.size() == 1;
  if (!clear) matches.unclear_images.insert(image);
  for (const Claim& claim : claims) {
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
  std::vector<std::vector<Claim>> claims(known.size());
  std::set<std::pair<const Table*, Table::Range>> unclear;  // once each: they may be long
  for (const ImageRef& ref : refs) {
    const Found found = finder.find(ref);
    if (found.range.size() == 0) continue;
    if (found.range.size() > 1) {
      matches.unclear.insert(ref);
      unclear.emplace(found.table, found.range);
    } else {
      claims[found.table->image(found.range.first)].push_back({&ref, found.strength});
    }
  }
  for (std::size_t image = 0; image < known.size(); ++image) {
    if (!claims[image].empty()) settle(claims[image], image, matches);
  }
  for (const auto& [table, range] : unclear) {
    for (std::size_t at = range.first; at < range.last; ++at) {
      const std::size_t image = table->image(at);
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
