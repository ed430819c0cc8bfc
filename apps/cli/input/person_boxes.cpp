#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <sapiens/boxes.hpp>
#include <system_error>
#include <utility>

#include "cli/input/coco_files.hpp"
#include "cli/input/coco_tally.hpp"
#include "core/parse_number.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr CocoKind kKind = {
    "these are no boxes of persons",
    R"(a list of {"file_name" or "image_id", "bbox": [x, y, w, h]}, or {"images", "annotations"} )"
    R"(as in COCO)"};

bool has_area(const Box& box) { return box.width > 0 && box.height > 0; }

Box to_box(const std::array<double, 4>& numbers, double score) {
  const auto at = [&](std::size_t i) { return static_cast<float>(numbers[i]); };
  return {at(0), at(1), at(2), at(3), static_cast<float>(score)};
}

/// The entries of a file, by what they call their image. An image may be listed without a box.
class Reader {
 public:
  Reader(const fs::path& path, CocoTally& tally) : path_(path), tally_(tally) {}

  std::map<ImageRef, std::vector<Box>> read() {
    const auto lists =
        for_each_coco_entry(path_, kKind, [&](const CocoEntry& entry) { take(entry); });
    if (!lists.contains("") && !lists.contains("annotations")) {
      throw_not_coco(path_, kKind, "neither a list nor `annotations`");
    }
    tally_.expect_persons();
    expect_pixels();
    auto by_name = images_.by_name(std::exchange(by_image_, {}),
                                   [&](const std::string& id, const std::vector<Box>& lost) {
                                     if (!lost.empty()) tally_.unknown.add(id, std::ssize(lost));
                                   });
    expect_listed_images();
    return by_name;
  }

 private:
  void take(const CocoEntry& entry) {
    if (entry.list() == "categories") return tally_.name_category(entry);
    if (entry.list() == "images") return images_.add(entry);
    const bool is_person = tally_.take(entry);
    if (!is_person && !entry.has("file_name") && !entry.has("image_id")) return;
    std::vector<Box>& boxes = by_image_[image_ref(entry)];
    if (is_person) take_box(entry, boxes);
  }

  void take_box(const CocoEntry& entry, std::vector<Box>& boxes) {
    const std::array<double, 4> numbers = entry.box();
    const Box box = to_box(numbers, entry.has("score") ? entry.number("score") : 1);
    if (!std::isfinite(box.score)) entry.refuse("score", "is too large");
    if (!has_area(box)) {
      ++tally_.without_area;
      return;
    }
    all_shares_ = all_shares_ && looks_like_shares(box);
    tally_.below_a_pixel += box.width < 1 && box.height < 1;
    boxes.push_back(box);
  }

  void expect_pixels() const {
    const Index with_area = tally_.persons() - tally_.without_area;
    if (tally_.persons() > 0 && with_area == 0) {
      throw_not_coco(
          path_, kKind,
          fmt::format("none of the boxes of its {} persons has an area", tally_.persons()),
          "a box is [x, y, width, height]");
    }
    if (with_area == 0 || !all_shares_) return;
    throw_not_coco(
        path_, kKind,
        fmt::format("all {} boxes lie between 0 and 1, as shares of an image do", with_area),
        kSharesHint);
  }

  // Other ids than those of the file's own `images` are no choice of images.
  void expect_listed_images() const {
    const Index lost = tally_.unknown.entries;
    if (lost == 0 || lost < tally_.persons() - tally_.without_area) return;
    throw_not_coco(path_, kKind,
                   fmt::format("none of its {} persons is in one of its own `images`: {}", lost,
                               tally_.unknown.text()));
  }

  const fs::path& path_;
  CocoTally& tally_;
  ImagesOfFile images_;
  std::map<ImageRef, std::vector<Box>> by_image_;
  bool all_shares_ = true;
};

std::vector<KnownImage> known_images(std::span<const InputFile> images) {
  std::vector<KnownImage> known;
  for (const InputFile& image : images) {
    std::error_code error;
    const fs::path absolute = fs::absolute(image.path, error);
    known.push_back({.path = (error ? image.path : absolute).string(),
                     .name = image.name.string(),
                     .ids = {id_text(image.path.stem().string())}});
  }
  return known;
}

[[noreturn]] void throw_no_match(const CocoTally& tally, std::span<const KnownImage> known) {
  const bool unclear = tally.unclear.images > 0;
  throw Error(
      ErrorCode::CorruptFile,
      {.summary = "none of these boxes is about an image of this run",
       .file = tally.file().string(),
       .expected =
           fmt::format("{}{}", known.front().name,
                       known.size() > 1 ? fmt::format(" or one of {} more", known.size() - 1) : ""),
       .actual = unclear ? fmt::format("{}: each may mean several images", tally.unclear.text())
                         : tally.unknown.text(),
       .hint = "`file_name` is a path, a path below the input folder, or a file name that only one "
               "image has; `image_id` without `images` is the number that the image's name is"});
}

}  // namespace

std::optional<Box> parse_box(std::string_view text) {
  constexpr double kMaxPixel = 1e6;  // more than any image has: what lies farther out is a mistake
  std::array<double, 4> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const bool last = i + 1 == numbers.size();
    const std::size_t end = last ? text.size() : text.find(',');
    const auto number = parse_number<double>(text.substr(0, end));
    if (!number || end == text.npos || !(std::abs(*number) <= kMaxPixel)) return std::nullopt;
    numbers[i] = *number;
    text.remove_prefix(last ? end : end + 1);
  }
  const Box box = to_box(numbers, 1);
  return has_area(box) ? std::optional(box) : std::nullopt;
}

PersonBoxes PersonBoxes::read(const fs::path& path, std::span<const InputFile> images,
                              const PersonCategory& category) {
  PersonBoxes read(CocoTally(path, kKind, category));
  CocoTally& tally = read.tally_;
  std::map<ImageRef, std::vector<Box>> by_image = Reader(path, tally).read();
  const std::vector<KnownImage> known = known_images(images);
  const ImageMatches matches = match_images(known, refs_of(by_image));
  for (const InputFile& image : images) read.boxes_[image.path.string()];
  for (const std::size_t image : matches.unclear_images) {
    read.boxes_.at(images[image].path.string()).unclear = true;
  }
  for (const auto& [ref, boxes] : by_image) {
    const auto match = matches.image_of.find(ref);
    if (match != matches.image_of.end()) {
      ImageBoxes& of_image = read.boxes_.at(images[match->second].path.string());
      of_image.listed = true;
      of_image.boxes.insert(of_image.boxes.end(), boxes.begin(), boxes.end());
    } else if (!boxes.empty()) {
      tally.add_stray(matches.unclear.contains(ref), ref, known, std::ssize(boxes));
    }
  }
  const bool any_person = tally.persons() > tally.without_area;
  if (any_person && !known.empty() && matches.image_of.empty()) throw_no_match(tally, known);
  return read;
}

const ImageBoxes& PersonBoxes::of(const InputFile& image) const {
  static const ImageBoxes nothing;
  const auto found = boxes_.find(image.path.string());
  return found == boxes_.end() ? nothing : found->second;
}

}  // namespace sapiens::cli
