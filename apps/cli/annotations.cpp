#include "annotations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "coco_entries.hpp"

namespace sapiens::cli {
namespace {

constexpr CocoKind kKind = {
    "these are no annotations of persons",
    R"({"images": [{"id", "file_name"}, ..], "annotations": [{"image_id", "bbox": [x, y, w, h], )"
    R"("area", "keypoints": [x, y, v, ..]}, ..]} as in COCO)"};

/// 0 and 1, or false and true.
bool is_crowd(const Json& entry) {
  if (!entry.contains("iscrowd")) return false;
  const Json& flag = entry.at("iscrowd");
  return flag.is_boolean() ? flag.get<bool>() : whole_number(flag) != 0;
}

LabelledPerson read_person(const Json& entry) {
  const auto box = entry.at("bbox").get<std::array<double, 4>>();
  LabelledPerson person{.x = box[0],
                        .y = box[1],
                        .width = box[2],
                        .height = box[3],
                        .area = entry.at("area").get<double>(),
                        .crowd = is_crowd(entry)};
  // More than any picture, as for boxes that a user gives.
  const auto sensible = [](double number) { return std::abs(number) <= 1e6; };
  if (!std::ranges::all_of(box, sensible)) throw std::runtime_error("its box is impossible");
  if (person.area < 0) throw std::runtime_error("its area is below 0");
  Index labelled = 0;
  for_each_point(entry.at("keypoints"), [&](double x, double y, double visibility) {
    if (visibility != 0 && visibility != 1 && visibility != 2) {
      throw std::runtime_error(
          fmt::format("the visibility of a key point is {}, not 0, 1 or 2", visibility));
    }
    person.keypoints.push_back({x, y, static_cast<int>(visibility)});
    labelled += visibility > 0;
  });
  person.labelled =
      entry.contains("num_keypoints") ? whole_number(entry.at("num_keypoints")) : labelled;
  return person;
}

void expect_as_many(const LabelledPerson& person, Index& keypoints) {
  const Index count = std::ssize(person.keypoints);
  if (keypoints == 0) keypoints = count;
  if (count == keypoints) return;
  throw std::runtime_error(
      fmt::format("it has {} key points and those before have {}", count, keypoints));
}

}  // namespace

Annotations Annotations::read(const std::filesystem::path& path) {
  Annotations read;
  std::set<std::int64_t> ids;
  std::map<std::int64_t, std::vector<LabelledPerson>> persons;  // may come before the pictures
  for_each_coco_entry(path, kKind, [&](const std::string& list, const Json& entry) {
    if (list == "images") {
      if (!ids.insert(whole_number(entry.at("id"))).second) {
        throw std::runtime_error("an earlier picture has the same id");
      }
      read.pictures.push_back({.id = whole_number(entry.at("id")),
                               .file_name = entry.at("file_name").get<std::string>()});
    }
    if (list != "annotations" || !is_person(entry)) return;
    LabelledPerson person = read_person(entry);
    expect_as_many(person, read.keypoints);
    persons[whole_number(entry.at("image_id"))].push_back(std::move(person));
  });
  if (read.pictures.empty()) throw_not_coco(path, kKind, "it names no pictures (`images`)");
  if (persons.empty()) throw_not_coco(path, kKind, "it has no persons (`annotations`)");
  for (AnnotatedPicture& picture : read.pictures) {
    const auto found = persons.extract(picture.id);
    if (found) picture.persons = std::move(found.mapped());
  }
  if (persons.empty()) return read;
  throw_not_coco(
      path, kKind,
      fmt::format("persons of picture {}, which `images` does not have", persons.begin()->first));
}

}  // namespace sapiens::cli
