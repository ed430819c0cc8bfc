#include "found_persons.hpp"

#include <fmt/format.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "coco_entries.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr CocoKind kKind = {
    "these are no persons that were found",
    R"(a list of {"image_id", "keypoints": [x, y, score, ..], "score"}, or a document with such )"
    R"("annotations", as `sapiens pose --coco` writes it)"};

FoundPerson read_person(const Json& entry, Index keypoints) {
  if (!entry.contains("score")) throw std::runtime_error("it has no score");
  FoundPerson person{.score = entry.at("score").get<double>()};
  for_each_point(entry.at("keypoints"), [&](double x, double y, double) {
    person.keypoints.push_back({x, y});
  });
  if (std::ssize(person.keypoints) == keypoints) return person;
  throw std::runtime_error(fmt::format("it has {} key points and the annotations have {}",
                                       person.keypoints.size(), keypoints));
}

/// From the ids of another document to those of the annotations.
class PictureIds {
 public:
  explicit PictureIds(const Annotations& annotations) {
    for (const AnnotatedPicture& picture : annotations.pictures) {
      ids_.emplace(picture.id, picture.id);
      by_name_.emplace(picture.file_name, picture.id);
      by_name_.emplace(fs::path(picture.file_name).filename().string(), picture.id);
    }
  }

  void rename(const std::map<std::int64_t, std::string>& names) {
    ids_.clear();
    for (const auto& [id, name] : names) {
      auto found = by_name_.find(name);
      if (found == by_name_.end()) found = by_name_.find(fs::path(name).filename().string());
      if (found != by_name_.end()) ids_.emplace(id, found->second);
    }
  }

  std::optional<std::int64_t> of(std::int64_t id) const {
    const auto found = ids_.find(id);
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::map<std::int64_t, std::int64_t> ids_;
  std::map<std::string, std::int64_t> by_name_;
};

}  // namespace

FoundPersons FoundPersons::read(const fs::path& path, const Annotations& annotations) {
  std::map<std::int64_t, std::vector<FoundPerson>> persons;
  std::map<std::int64_t, std::string> names;  // may come after the persons
  const auto lists =
      for_each_coco_entry(path, kKind, [&](const std::string& list, const Json& entry) {
        if (list == "images") {
          names.emplace(whole_number(entry.at("id")), entry.at("file_name").get<std::string>());
        }
        if ((!list.empty() && list != "annotations") || !is_person(entry)) return;
        persons[whole_number(entry.at("image_id"))].push_back(
            read_person(entry, annotations.keypoints));
      });
  if (!lists.contains("") && !lists.contains("annotations")) {
    throw_not_coco(path, kKind, "neither a list nor `annotations`");
  }
  PictureIds ids(annotations);
  if (!names.empty()) ids.rename(names);
  FoundPersons found;
  for (auto& [id, of_picture] : persons) {
    if (const auto known = ids.of(id)) {
      found.by_picture[*known] = std::move(of_picture);
    } else {
      found.elsewhere += std::ssize(of_picture);
    }
  }
  return found;
}

}  // namespace sapiens::cli
