#include "cli/input/images_of_file.hpp"

#include <fmt/format.h>

namespace sapiens::cli {

ImageRef image_ref(const CocoEntry& entry) {
  if (entry.has("file_name")) return {entry.text("file_name")};
  return {entry.id("image_id"), true};
}

void ImagesOfFile::add(const CocoEntry& entry) {
  const std::string name = entry.text("file_name");
  if (!names_.emplace(entry.id("id"), name).second) {
    entry.refuse("id", "is that of an earlier image");
  }
  // Frames of two videos, say: their persons must not end up in one image.
  if (!parts_.insert(path_parts(name)).second) {
    entry.refuse("file_name", fmt::format("is {}, as that of an earlier image", name));
  }
}

}  // namespace sapiens::cli
