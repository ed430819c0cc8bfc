// Any bytes as a COCO file: annotations of persons, persons that were found, and boxes of persons.
// What is accepted and written again is read as the same.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/input/coco_files.hpp"
#include "fuzz/support/check.hpp"
#include "fuzz/support/entry_points.hpp"
#include "fuzz/support/memory_file.hpp"
#include "fuzz/support/mutators.hpp"
#include "sapiens/error.hpp"

SAPIENS_FUZZ_MUTATOR(mutate_json_text)

namespace {

using namespace sapiens;
using namespace sapiens::cli;
using fuzz::check;
using nlohmann::json;

constexpr double kMaxPixel = 1e6;

template <class Read>
auto attempt(Read read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const Error&) {
    return std::nullopt;
  }
}

json written(const Annotations& annotations) {
  json document = {{"images", json::array()}, {"annotations", json::array()}};
  for (const AnnotatedImage& image : annotations.images) {
    document["images"].push_back({{"id", image.id}, {"file_name", image.file_name}});
    for (const GroundTruthPerson& person : image.persons) {
      check(std::ssize(person.keypoints) == annotations.keypoints && person.area >= 0);
      json points = json::array();
      for (const auto& [x, y, visibility] : person.keypoints) {
        points.insert(points.end(), {json(x), json(y), json(visibility)});
      }
      document["annotations"].push_back(
          {{"image_id", image.id},
           {"bbox", {person.x, person.y, person.width, person.height}},
           {"area", person.area},
           {"iscrowd", person.crowd},
           {"num_keypoints", person.num_keypoints},
           {"keypoints", std::move(points)}});
    }
  }
  return document;
}

json written(const Predictions& predictions) {
  json document = json::array();
  for (const auto& [id, persons] : predictions.by_image) {
    for (const PredictedPerson& person : persons) {
      json points = json::array();
      for (const auto& [x, y] : person.keypoints) {
        points.insert(points.end(), {json(x), json(y), json(1)});
      }
      document.push_back(
          {{"image_id", id}, {"score", person.score}, {"keypoints", std::move(points)}});
    }
  }
  return document;
}

/// `read(path)` of the document that `found` becomes.
template <class Found, class Read>
void check_written_again(const Found& found, Read read) {
  const json document = written(found);
  const std::string text = document.dump();
  const fuzz::MemoryFile file(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  if (file.complete()) check(written(read(file.path())) == document);
}

Annotations two_images() {
  const GroundTruthPerson person{
      .width = 9, .height = 9, .area = 81, .num_keypoints = 1, .keypoints = {{1, 2, 2}}};
  Annotations annotations{.keypoints = 1, .tally = CocoTally("annotations", {}, {})};
  for (const char* name : {"a.jpg", "b/a.jpg"}) {
    annotations.images.push_back({std::ssize(annotations.images) + 1, name, {person}});
  }
  return annotations;
}

void check_boxes(const PersonBoxes& boxes, std::span<const InputFile> images) {
  const CocoTally& tally = boxes.tally();
  check(0 <= tally.used() && tally.used() <= tally.persons());
  check(tally.persons() <= tally.entries());
  Index used = 0;
  for (const InputFile& image : images) {
    for (const Box& box : boxes.of(image).boxes) {
      check(box.width > 0 && box.height > 0 && std::isfinite(box.score));
      for (const float number : {box.x, box.y, box.width, box.height}) {
        check(std::abs(number) <= kMaxPixel);
      }
      ++used;
    }
  }
  check(used == tally.used());
  tally.lines();
  tally.json();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Annotations kKnown = two_images();
  static const std::array<InputFile, 4> kImages = {
      {{.path = "photos/a.jpg", .name = "a.jpg"},
       {.path = "photos/b/a.jpg", .name = "b/a.jpg"},
       {.path = "000000000007.jpg", .name = "000000000007.jpg"},
       {.path = "x.tar", .name = "x/c.png", .member = "c.png"}}};
  const fuzz::MemoryFile file(data, size);
  if (!file.complete()) return 0;
  if (const auto found = attempt([&] { return Annotations::read(file.path()); })) {
    check_written_again(*found, [](const auto& path) { return Annotations::read(path); });
  }
  if (const auto found = attempt([&] { return Predictions::read(file.path(), kKnown); })) {
    check_written_again(*found, [](const auto& path) { return Predictions::read(path, kKnown); });
  }
  if (const auto found = attempt([&] { return PersonBoxes::read(file.path(), kImages); })) {
    check_boxes(*found, kImages);
  }
  return 0;
}
