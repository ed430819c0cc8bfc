#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <sapiens/eval.hpp>
#include <sapiens/results.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/input/coco_tally.hpp"
#include "cli/input/inputs.hpp"

namespace sapiens::cli {

struct AnnotatedImage {
  std::int64_t id = 0;
  std::string file_name = {};
  std::vector<GroundTruthPerson> persons = {};
};

/// Persons and their keypoints in images, as COCO's person_keypoints_*.json has them.
struct Annotations {
  std::vector<AnnotatedImage> images = {};  ///< In the order of the file.
  Index keypoints = 0;                      ///< Of every person.
  CocoTally tally;

  /// Throws NotFound or CorruptFile, naming the entry that is wrong.
  static Annotations read(const std::filesystem::path& path, const PersonCategory& category = {});
};

/// Persons that were found before, by the ids of annotated images.
struct Predictions {
  std::map<std::int64_t, std::vector<PredictedPerson>> by_image = {};
  CocoTally tally;

  /// A list of `{"image_id", "keypoints", "score"}`, as COCO takes results, or a document with such
  /// `annotations`; if that has `images`, their file names tell the image and not its own ids. An
  /// entry may also have a `file_name`. Throws NotFound or CorruptFile, naming the entry that is
  /// wrong; CorruptFile where no person is in an annotated image, or nothing tells in which.
  static Predictions read(const std::filesystem::path& path, const Annotations& annotations,
                          const PersonCategory& category = {});
};

/// What a file says of one image.
struct ImageBoxes {
  std::vector<Box> boxes = {};
  bool listed = false;   ///< Some entry is about the image, even if none is a person's box.
  bool unclear = false;  ///< Some entry may be, but this cannot be determined.
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

  /// What the file says of one of the images.
  const ImageBoxes& of(const InputFile& image) const;

  const CocoTally& tally() const { return tally_; }

 private:
  explicit PersonBoxes(CocoTally tally) : tally_(std::move(tally)) {}

  CocoTally tally_;
  std::map<std::string, ImageBoxes> boxes_ = {};  // by InputFile::text
};

}  // namespace sapiens::cli
