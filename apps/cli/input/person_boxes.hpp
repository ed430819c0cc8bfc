#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <sapiens/results.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/input/coco_tally.hpp"
#include "cli/input/inputs.hpp"

namespace sapiens::cli {

/// "x,y,width,height" in pixels; nothing for anything else, nor for a box without area.
std::optional<Box> parse_box(std::string_view text);

/// What a file says of one image.
struct ImageBoxes {
  std::vector<Box> boxes = {};
  bool listed = false;   ///< Some entry is about the image, even if none is a person's box.
  bool unclear = false;  ///< Some entry may be, and nothing tells whether.
};

/// Boxes of persons by image, as COCO has them: a list of `{"file_name" or "image_id", "bbox":
/// [x, y, width, height], "score"}`, or `{"images", "annotations", "categories"}`. Without `images`
/// an id is the number, or the text, that an image's name is.
class PersonBoxes {
 public:
  /// Throws NotFound; CorruptFile, naming the entry that is wrong; and CorruptFile where the file
  /// has entries and none is a person in one of `images`.
  static PersonBoxes read(const std::filesystem::path& path, std::span<const InputFile> images,
                          const PersonCategory& category = {});

  /// Of one of the images.
  const ImageBoxes& of(const InputFile& image) const;

  const CocoTally& tally() const { return tally_; }

 private:
  explicit PersonBoxes(CocoTally tally) : tally_(std::move(tally)) {}

  CocoTally tally_;
  std::map<std::string, ImageBoxes> boxes_ = {};  // by path
};

}  // namespace sapiens::cli
