#pragma once

#include <filesystem>
#include <map>
#include <sapiens/tensor_view.hpp>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/input/coco_entries.hpp"
#include "cli/input/image_matcher.hpp"

namespace sapiens::cli {

/// Which `category_id` of a COCO file persons have.
struct PersonCategory {
  std::string id = "1";                      ///< COCO's, as id_text() spells it.
  bool chosen = false;                       ///< By the user.
  std::string option = "--person-category";  ///< Which chooses another.
};

/// Images that entries are about and that are not known here.
struct StrayImages {
  Index entries = 0, images = 0;
  std::vector<std::string> first = {};  ///< Some of them.

  void add(const std::string& name, Index of_entries);
  /// True where no more names are taken.
  bool is_full() const;
  /// "a.png, b.png and 3 more"
  std::string text() const;
};

/// What of a COCO file is used, and what is left out and why; for the screen and for --json.
class CocoTally {
 public:
  CocoTally(std::filesystem::path file, const CocoKind& kind, PersonCategory category)
      : file_(std::move(file)), kind_(kind), category_(std::move(category)) {}

  /// Counts an entry; true for one of a person: of the category of persons, or of none.
  bool take(const CocoEntry& entry);
  /// An entry of `categories`.
  void name_category(const CocoEntry& entry);

  /// Counts entries about an image that is unknown, or `unclear`.
  void add_stray(bool unclear, const ImageRef& ref, std::span<const KnownImage> known,
                 Index entries);

  /// Throws CorruptFile where entries are there and none is a person, and where the file itself
  /// calls another category `person`.
  void expect_persons() const;

  /// A line for each reason.
  std::vector<std::string> lines() const;
  Json json() const;

  const std::filesystem::path& file() const { return file_; }
  Index entries() const { return entries_; }
  Index persons() const { return persons_; }
  /// Entries of persons that are not left out.
  Index used() const { return persons_ - without_area - unknown.entries - unclear.entries; }

  Index without_area = 0;    ///< Persons whose box has none.
  Index below_a_pixel = 0;   ///< Boxes that are used although they are so small.
  StrayImages unknown = {};  ///< In no image of the run.
  StrayImages unclear = {};  ///< In one of several images.

 private:
  std::string other_categories_text() const;
  std::string advice_text(const std::string& id) const;
  std::string quoted_name(const std::string& id) const;

  std::filesystem::path file_;
  CocoKind kind_;
  PersonCategory category_;
  Index entries_ = 0, persons_ = 0;
  bool takes_ids_ = false;                    // some person has a category
  std::map<std::string, Index> others_;       // entries by category
  std::map<std::string, std::string> names_;  // by category
};

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
