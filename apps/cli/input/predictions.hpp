#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <sapiens/eval.hpp>
#include <vector>

#include "cli/input/annotations.hpp"
#include "cli/input/coco_tally.hpp"

namespace sapiens::cli {

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

}  // namespace sapiens::cli
