#pragma once

#include <algorithm>
#include <filesystem>
#include <iterator>
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
  const std::map<std::string, std::string>& names() const { return names_; }

 private:
  std::map<std::string, std::string> names_;  // by id
  std::set<std::vector<std::string>> parts_;  // of their paths
};

/// The persons of a file that is a list of them, or has `annotations`, by what it calls their
/// image. Path, kind and tally must outlive it.
template <typename Person>
class PersonFile {
 public:
  using Persons = std::vector<Person>;

  PersonFile(const std::filesystem::path& path, const CocoKind& kind, CocoTally& tally)
      : path_(path), kind_(kind), tally_(tally) {}

  /// `to_person` makes a person of an entry, or nothing of one that is left out. With `all_images`
  /// images are there as well that entries of no person are about. Throws CorruptFile where there
  /// is no list of persons, and as CocoTally::expect_persons does.
  template <typename ToPerson>
  void read(ToPerson to_person, bool all_images = false) {
    const auto lists = for_each_coco_entry(path_, kind_, [&](const CocoEntry& entry) {
      if (entry.list() == "categories") return tally_.name_category(entry);
      if (entry.list() == "images") return images_.add(entry);
      const bool is_person = tally_.take(entry);
      const bool has_image = entry.has("file_name") || entry.has("image_id");
      if (!is_person && !(all_images && has_image)) return;
      Persons& persons = by_image_[image_ref(entry)];
      if (!is_person) return;
      if (auto person = to_person(entry)) persons.push_back(std::move(*person));
    });
    if (!lists.contains("") && !lists.contains("annotations")) {
      throw_not_coco(path_, kind_, "neither a list nor `annotations`");
    }
    tally_.expect_persons();
  }

  /// Names of images in place of their ids, where the file has `images`, whose images without an
  /// entry are there as well. Persons of other ids are counted as being in unknown images.
  void name_images() {
    if (images_.names().empty()) return;
    std::map<ImageRef, Persons> by_name;
    for (auto& [ref, persons] : by_image_) {
      const auto name = ref.is_id ? images_.names().find(ref.text) : images_.names().end();
      if (ref.is_id && name == images_.names().end()) {
        if (persons.empty()) continue;
        tally_.unknown.add("image_id " + ref.text + ", which `images` does not have",
                           std::ssize(persons));
      } else {
        std::ranges::move(persons,
                          std::back_inserter(by_name[ref.is_id ? ImageRef{name->second} : ref]));
      }
    }
    for (const auto& [id, name] : images_.names()) by_name[{name}];
    by_image_ = std::move(by_name);
  }

  /// Calls `take` with the number of a known image and its persons, of whom there may be none.
  /// Counts those whose image is unknown or unclear.
  template <typename Take>
  ImageMatches hand_out(std::span<const KnownImage> known, Take take) {
    std::set<ImageRef> refs;
    for (const auto& [ref, persons] : by_image_) refs.insert(ref);
    ImageMatches matches = match_images(known, refs);
    for (auto& [ref, persons] : by_image_) {
      const auto match = matches.image_of.find(ref);
      if (match != matches.image_of.end()) {
        take(match->second, std::move(persons));
      } else if (!persons.empty()) {
        tally_.add_stray(matches.unclear.contains(ref), ref, known, std::ssize(persons));
      }
    }
    return matches;
  }

 private:
  const std::filesystem::path& path_;
  const CocoKind& kind_;
  CocoTally& tally_;
  ImagesOfFile images_;
  std::map<ImageRef, Persons> by_image_;
};

}  // namespace sapiens::cli
