#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <sapiens/boxes.hpp>
#include <set>
#include <utility>

#include "cli/input/coco_entries.hpp"
#include "cli/input/coco_files.hpp"

namespace sapiens::cli {
namespace {

constexpr CocoKind kAnnotations = {
    "these are no annotations of persons",
    R"({"images": [{"id", "file_name"}, ..], "annotations": [{"image_id", "bbox": [x, y, w, h], )"
    R"("area", "keypoints": [x, y, v, ..]}, ..]} as in COCO)"};

std::vector<GroundTruthKeypoint> read_points(const CocoEntry& entry) {
  std::vector<GroundTruthKeypoint> points;
  for (const auto& [x, y, visibility] : entry.points()) {
    if (visibility != 0 && visibility != 1 && visibility != 2) {
      entry.refuse("keypoints",
                   fmt::format("has a point of visibility {}, not 0, 1 or 2", visibility));
    }
    points.push_back({x, y, static_cast<int>(visibility)});
  }
  return points;
}

GroundTruthPerson read_person(const CocoEntry& entry) {
  const std::array<double, 4> box = entry.box();
  GroundTruthPerson person{.x = box[0],
                           .y = box[1],
                           .width = box[2],
                           .height = box[3],
                           .area = entry.number("area"),
                           .crowd = entry.flag("iscrowd"),
                           .keypoints = read_points(entry)};
  if (person.area < 0) entry.refuse("area", fmt::format("is {}, below 0", person.area));
  person.num_keypoints = entry.has("num_keypoints")
                             ? entry.whole("num_keypoints")
                             : std::ranges::count_if(person.keypoints, [](auto& point) {
                                 return point.visibility > 0;
                               });
  if (person.num_keypoints < 0) entry.refuse("num_keypoints", "is below 0");
  return person;
}

class AnnotationReader {
 public:
  AnnotationReader(const std::filesystem::path& path, Annotations& read)
      : path_(path), read_(read) {}

  void run() {
    for_each_coco_entry(path_, kAnnotations, [&](const CocoEntry& entry) { take(entry); });
    read_.tally.expect_persons();
    if (read_.images.empty()) throw_not_coco(path_, kAnnotations, "it names no images (`images`)");
    if (persons_.empty()) throw_not_coco(path_, kAnnotations, "it has no persons (`annotations`)");
    if (any_area_ && all_shares_) {
      throw_not_coco(path_, kAnnotations, "all boxes lie between 0 and 1, as shares of an image do",
                     kSharesHint);
    }
    for (AnnotatedImage& image : read_.images) {
      if (auto found = persons_.extract(image.id)) {
        image.persons = std::move(found.mapped().persons);
      }
    }
    if (persons_.empty()) return;
    const auto& [id, of_image] = *persons_.begin();
    throw_not_coco(
        path_, kAnnotations,
        fmt::format("{}: a person of image {}, which `images` does not have", of_image.where, id));
  }

 private:
  struct OfImage {
    std::vector<GroundTruthPerson> persons = {};
    std::string where = {};  ///< The first entry.
  };

  void take(const CocoEntry& entry) {
    if (entry.list() == "categories") return read_.tally.name_category(entry);
    if (entry.list() == "images") return take_image(entry);
    if (entry.list() == "annotations" && read_.tally.take(entry)) take_person(entry);
  }

  void take_image(const CocoEntry& entry) {
    const std::int64_t id = entry.whole("id");
    if (!ids_.insert(id).second) entry.refuse("id", "is that of an earlier image");
    read_.images.push_back({.id = id, .file_name = entry.text("file_name")});
  }

  void take_person(const CocoEntry& entry) {
    OfImage& of_image = persons_[entry.whole("image_id")];
    if (of_image.persons.empty()) of_image.where = entry.where();
    GroundTruthPerson person = read_person(entry);
    expect_as_many(entry, std::ssize(person.keypoints));
    const bool has_area = person.width > 0 && person.height > 0;
    read_.tally.below_a_pixel += has_area && person.width < 1 && person.height < 1;
    all_shares_ =
        all_shares_ &&
        (!has_area ||
         looks_normalized({static_cast<float>(person.x), static_cast<float>(person.y),
                           static_cast<float>(person.width), static_cast<float>(person.height)}));
    any_area_ = any_area_ || has_area;
    of_image.persons.push_back(std::move(person));
  }

  void expect_as_many(const CocoEntry& entry, Index count) {
    if (read_.keypoints == 0) read_.keypoints = count;
    if (count == read_.keypoints) return;
    entry.refuse("keypoints",
                 fmt::format("has {} points and those before have {}", count, read_.keypoints));
  }

  const std::filesystem::path& path_;
  Annotations& read_;
  std::set<std::int64_t> ids_;
  std::map<std::int64_t, OfImage> persons_;  // may come before the images
  bool all_shares_ = true, any_area_ = false;
};

}  // namespace

Annotations Annotations::read(const std::filesystem::path& path, const PersonCategory& category) {
  Annotations read{.tally = CocoTally(path, kAnnotations, category)};
  AnnotationReader(path, read).run();
  return read;
}

}  // namespace sapiens::cli
