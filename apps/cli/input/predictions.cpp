#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "cli/input/coco_entries.hpp"
#include "cli/input/coco_files.hpp"
#include "cli/input/coco_tally.hpp"
#include "cli/input/image_matcher.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr CocoKind kPredictions = {
    "these are no persons that were found",
    R"(a list of {"image_id", "keypoints": [x, y, score, ..], "score"}, or a document with such )"
    R"("annotations", as `sapiens pose --coco` writes it)"};

using Persons = std::vector<PredictedPerson>;

class PredictionReader {
 public:
  PredictionReader(const fs::path& path, Index keypoints, CocoTally& tally)
      : path_(path), keypoints_(keypoints), tally_(tally) {}

  std::map<ImageRef, Persons> read() {
    const auto lists =
        for_each_coco_entry(path_, kPredictions, [&](const CocoEntry& entry) { take(entry); });
    if (!lists.contains("") && !lists.contains("annotations")) {
      throw_not_coco(path_, kPredictions, "neither a list nor `annotations`");
    }
    tally_.expect_persons();
    if (any_point_ && all_shares_) {
      throw_not_coco(path_, kPredictions,
                     "all keypoints lie between 0 and 1, as shares of an image do",
                     "numbers are in pixels: multiply by the image's width and height");
    }
    return images_.by_name(std::exchange(by_image_, {}), [&](const std::string& id, Persons& lost) {
      tally_.unknown.add(id, std::ssize(lost));
    });
  }

 private:
  void take(const CocoEntry& entry) {
    if (entry.list() == "categories") return tally_.name_category(entry);
    if (entry.list() == "images") return images_.add(entry);
    if (!tally_.take(entry)) return;
    by_image_[image_ref(entry)].push_back(read_person(entry));
  }

  PredictedPerson read_person(const CocoEntry& entry) {
    PredictedPerson person{.score = entry.number("score")};
    for (const auto& [x, y, score] : entry.points()) {
      person.keypoints.push_back({x, y});
      all_shares_ = all_shares_ && x >= 0 && x <= 1 && y >= 0 && y <= 1;
      any_point_ = any_point_ || x != std::floor(x) || y != std::floor(y);
    }
    if (std::ssize(person.keypoints) == keypoints_) return person;
    entry.refuse("keypoints", fmt::format("has {} points and the annotations have {}",
                                          person.keypoints.size(), keypoints_));
  }

  const fs::path& path_;
  Index keypoints_;
  CocoTally& tally_;
  ImagesOfFile images_;
  std::map<ImageRef, Persons> by_image_;
  bool all_shares_ = true, any_point_ = false;
};

std::vector<KnownImage> known_images(const Annotations& annotations) {
  std::vector<KnownImage> known;
  for (const AnnotatedImage& image : annotations.images) {
    known.push_back(
        {.path = image.file_name, .name = image.file_name, .ids = {std::to_string(image.id)}});
  }
  return known;
}

void expect_clear(const fs::path& path, const StrayImages& unclear) {
  if (unclear.images == 0) return;
  throw_not_coco(path, kPredictions,
                 fmt::format("{} persons may be in several annotated images, or other names may be "
                             "about the same: {}",
                             unclear.entries, unclear.text()),
                 "name images as the annotations do, with their folder");
}

}  // namespace

Predictions Predictions::read(const fs::path& path, const Annotations& annotations,
                              const PersonCategory& category) {
  Predictions found{.tally = CocoTally(path, kPredictions, category)};
  std::map<ImageRef, Persons> by_image =
      PredictionReader(path, annotations.keypoints, found.tally).read();
  const std::vector<KnownImage> known = known_images(annotations);
  const ImageMatches matches = match_images(known, refs_of(by_image));
  for (auto& [ref, persons] : by_image) {
    const auto match = matches.image_of.find(ref);
    if (match != matches.image_of.end()) {
      Persons& all = found.by_image[annotations.images[match->second].id];
      std::ranges::move(persons, std::back_inserter(all));
    } else if (!persons.empty()) {
      found.tally.add_stray(matches.unclear.contains(ref), ref, known, std::ssize(persons));
    }
  }
  expect_clear(path, found.tally.unclear);
  if (found.tally.persons() == 0 || !found.by_image.empty()) return found;
  throw_not_coco(path, kPredictions,
                 fmt::format("none of its {} persons is in an annotated image: {}",
                             found.tally.persons(), found.tally.unknown.text()));
}

}  // namespace sapiens::cli
