#pragma once

#include <cstdint>
#include <filesystem>
#include <sapiens/eval.hpp>
#include <string>
#include <vector>

#include "cli/input/coco_tally.hpp"

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

}  // namespace sapiens::cli
