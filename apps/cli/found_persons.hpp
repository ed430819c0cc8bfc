#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <sapiens/eval.hpp>
#include <vector>

#include "annotations.hpp"

namespace sapiens::cli {

/// Persons that were found before, by the ids of annotated pictures.
struct FoundPersons {
  std::map<std::int64_t, std::vector<FoundPerson>> by_picture = {};
  Index elsewhere = 0;  ///< In pictures that are not annotated.

  /// A list of `{"image_id", "keypoints", "score"}`, as COCO takes results, or a document with such
  /// `annotations`; if that has `images`, their file names tell the picture and not its own ids.
  /// Throws NotFound or CorruptFile, naming the entry that is wrong.
  static FoundPersons read(const std::filesystem::path& path, const Annotations& annotations);
};

}  // namespace sapiens::cli
