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

/// Makes persons of entries, and notices where no number can be in pixels.
struct PredictionReader {
  Index keypoints;
  bool all_shares = true, any_point = false;

  PredictedPerson read(const CocoEntry& entry) {
    PredictedPerson person{.score = entry.number("score")};
    for (const auto& [x, y, score] : entry.points()) {
      person.keypoints.push_back({x, y});
      all_shares = all_shares && x >= 0 && x <= 1 && y >= 0 && y <= 1;
      any_point = any_point || x != std::floor(x) || y != std::floor(y);
    }
    if (std::ssize(person.keypoints) == keypoints) return person;
    entry.refuse("keypoints", fmt::format("has {} points and the annotations have {}",
                                          person.keypoints.size(), keypoints));
  }
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
  PredictionReader reader{.keypoints = annotations.keypoints};
  PersonFile<PredictedPerson> file(path, kPredictions, found.tally);
  file.read([&](const CocoEntry& entry) { return std::optional(reader.read(entry)); });
  if (reader.any_point && reader.all_shares) {
    throw_not_coco(path, kPredictions,
                   "all keypoints lie between 0 and 1, as shares of an image do",
                   "numbers are in pixels: multiply by the image's width and height");
  }
  file.name_images();
  const std::vector<KnownImage> known = known_images(annotations);
  file.hand_out(known, [&](std::size_t image, Persons persons) {
    std::ranges::move(persons, std::back_inserter(found.by_image[annotations.images[image].id]));
  });
  expect_clear(path, found.tally.unclear);
  if (found.tally.persons() == 0 || !found.by_image.empty()) return found;
  throw_not_coco(path, kPredictions,
                 fmt::format("none of its {} persons is in an annotated image: {}",
                             found.tally.persons(), found.tally.unknown.text()));
}

}  // namespace sapiens::cli
