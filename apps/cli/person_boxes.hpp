#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <sapiens/results.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "inputs.hpp"
#include "messages.hpp"

namespace sapiens::cli {

/// "x,y,width,height" in pixels; nothing for anything else, nor for a box without area.
std::optional<Box> parse_box(std::string_view text);

/// Boxes of persons by picture, as COCO has them: a list of `{"file_name" or "image_id", "bbox":
/// [x, y, width, height], "score"}`, or `{"images", "annotations"}`. Boxes of a `category_id` other
/// than 1 are no persons.
class PersonBoxes {
 public:
  /// Throws NotFound or CorruptFile, naming the entry that is wrong.
  static PersonBoxes read(const std::filesystem::path& path);

  /// The boxes of a picture: of its path below the folder it was found in, else of its file name,
  /// else of the number that its name is.
  std::vector<Box> of(const InputFile& input) const;

 private:
  std::map<std::string, std::vector<Box>> boxes_;  // by file name or id
};

}  // namespace sapiens::cli
