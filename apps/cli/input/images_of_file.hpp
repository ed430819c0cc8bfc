#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/input/coco_entries.hpp"
#include "cli/input/image_matcher.hpp"

namespace sapiens::cli {

/// What an entry calls its image: its `file_name`, else its `image_id`.
ImageRef image_ref(const CocoEntry& entry);

/// The `images` of a file, which say what its ids mean.
class ImagesOfFile {
 public:
  void add(const CocoEntry& entry);

  /// `by_image` with the names of images instead of their ids; images without an entry are there as
  /// well. `lose` is called for an id that `images` does not have. Without `images`, as it is.
  template <typename Entries, typename Lose>
  std::map<ImageRef, Entries> by_name(std::map<ImageRef, Entries> by_image, Lose lose) const {
    if (names_.empty()) return by_image;
    std::map<ImageRef, Entries> by_name;
    for (auto& [ref, entries] : by_image) {
      const auto name = ref.is_id ? names_.find(ref.text) : names_.end();
      if (ref.is_id && name == names_.end()) {
        lose("image_id " + ref.text + ", which `images` does not have", entries);
      } else {
        Entries& all = by_name[ref.is_id ? ImageRef{name->second} : ref];
        all.insert(all.end(), entries.begin(), entries.end());
      }
    }
    for (const auto& [id, name] : names_) by_name[{name}];
    return by_name;
  }

 private:
  std::map<std::string, std::string> names_;  // by id
  std::set<std::vector<std::string>> parts_;  // of their paths
};

template <typename Entries>
std::set<ImageRef> refs_of(const std::map<ImageRef, Entries>& by_image) {
  std::set<ImageRef> refs;
  for (const auto& [ref, entries] : by_image) refs.insert(ref);
  return refs;
}

}  // namespace sapiens::cli
