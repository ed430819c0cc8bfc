#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <sapiens/boxes.hpp>
#include <system_error>
#include <utility>

#include "cli/input/coco_files.hpp"
#include "cli/input/coco_tally.hpp"

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

/// The box of a person; nothing for one without area.
std::optional<Box> read_box(const CocoEntry& entry, CocoTally& tally, bool& all_shares) {
  const std::array<double, 4> numbers = entry.box();
  const Box box = to_box(numbers, entry.has("score") ? entry.number("score") : 1);
  if (!std::isfinite(box.score)) entry.refuse("score", "is too large");
  if (!has_area(box)) {
    ++tally.without_area;
    return std::nullopt;
  }
  all_shares = all_shares && looks_normalized(box);
  tally.below_a_pixel += box.width < 1 && box.height < 1;
  return box;
}

void expect_pixels(const CocoTally& tally, bool all_shares) {
  const Index with_area = tally.persons() - tally.without_area;
  if (tally.persons() > 0 && with_area == 0) {
    throw_not_coco(tally.file(), kKind,
                   fmt::format("none of the boxes of its {} persons has an area", tally.persons()),
                   "a box is [x, y, width, height]");
  }
  if (with_area == 0 || !all_shares) return;
  throw_not_coco(
      tally.file(), kKind,
      fmt::format("all {} boxes lie between 0 and 1, as shares of an image do", with_area),
      kSharesHint);
}

// Other ids than those of the file's own `images` are no choice of images.
void expect_listed_images(const CocoTally& tally) {
  const Index lost = tally.unknown.entries;
  if (lost == 0 || lost < tally.persons() - tally.without_area) return;
  throw_not_coco(tally.file(), kKind,
                 fmt::format("none of its {} persons is in one of its own `images`: {}", lost,
                             tally.unknown.text()));
}

std::vector<KnownImage> known_images(std::span<const InputFile> images) {
  std::vector<KnownImage> known;
  for (const InputFile& image : images) {
    std::error_code error;
    const fs::path path = image.text();  // of a member, as if its archive were a folder
    const fs::path absolute = fs::absolute(path, error);
    known.push_back({.path = (error ? path : absolute).string(),
                     .name = image.name.string(),
                     .ids = {id_text(path.stem().string())}});
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

PersonBoxes PersonBoxes::read(const fs::path& path, std::span<const InputFile> images,
                              const PersonCategory& category) {
  PersonBoxes read(CocoTally(path, kKind, category));
  CocoTally& tally = read.tally_;
  bool all_shares = true;
  PersonFile<Box> file(path, kKind, tally);
  // An image may be listed without a box.
  file.read([&](const CocoEntry& entry) { return read_box(entry, tally, all_shares); }, true);
  expect_pixels(tally, all_shares);
  file.name_images();
  expect_listed_images(tally);

  for (const InputFile& image : images) read.boxes_[image.text()];
  const auto of_image = [&](std::size_t image) -> ImageBoxes& {
    return read.boxes_.at(images[image].text());
  };
  const std::vector<KnownImage> known = known_images(images);
  const ImageMatches matches =
      file.hand_out(known, [&](std::size_t image, const std::vector<Box>& boxes) {
        of_image(image).listed = true;
        std::ranges::copy(boxes, std::back_inserter(of_image(image).boxes));
      });
  for (const std::size_t image : matches.unclear_images) of_image(image).unclear = true;
  const bool any_person = tally.persons() > tally.without_area;
  if (any_person && !known.empty() && matches.image_of.empty()) throw_no_match(tally, known);
  return read;
}

const ImageBoxes& PersonBoxes::of(const InputFile& image) const {
  static const ImageBoxes nothing;
  const auto found = boxes_.find(image.text());
  return found == boxes_.end() ? nothing : found->second;
}

}  // namespace sapiens::cli
