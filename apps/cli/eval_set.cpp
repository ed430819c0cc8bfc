#include "eval_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <system_error>
#include <utility>

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

fs::path pictures_folder(const EvalOptions& options) {
  return options.pictures.empty() ? options.data : options.pictures;
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

/// Where a picture of the annotations lies: some files name it with a folder in front.
fs::path find_picture(const fs::path& folder, const std::string& name) {
  const fs::path path = folder / name;
  const fs::path flat = folder / fs::path(name).filename();
  return !is_file(path) && is_file(flat) ? flat : path;
}

void keep_first(std::vector<EvalPicture>& pictures, Index limit) {
  if (limit > 0 && limit < std::ssize(pictures)) {
    pictures.resize(static_cast<std::size_t>(limit));
  }
}

std::string_view truth_suffix(const std::string& task) {
  if (task == "seg") return "_seg.png";
  return task == "depth" ? "_depth.npy" : "_normal.npy";
}

std::vector<InputFile> pictures_of(const EvalOptions& options) {
  const std::vector<std::string> folder = {pictures_folder(options).string()};
  Inputs inputs = collect_inputs(folder, {.arrays = false, .output = {}}, std::cin);
  if (!inputs.failed.empty()) throw Error(inputs.failed.front().error);
  return std::move(inputs.files);
}

}  // namespace

bool has_true_box(const LabelledPerson& person) {
  return !person.crowd && person.labelled > 0 && person.width > 0 && person.height > 0;
}

fs::path annotations_path(const EvalOptions& options) {
  return options.annotations.empty() ? fs::path(options.data) / "annotations.json"
                                     : fs::path(options.annotations);
}

EvalSet pose_set(const EvalOptions& options, Annotations annotations) {
  EvalSet set;
  const bool needs_persons = options.detections.empty() && options.takes_true_boxes();
  for (AnnotatedPicture& picture : annotations.pictures) {
    if (needs_persons && std::ranges::none_of(picture.persons, has_true_box)) {
      ++set.without_truth;
      continue;
    }
    set.pictures.push_back(
        {.input = {.path = find_picture(pictures_folder(options), picture.file_name),
                   .name = picture.file_name},
         .id = picture.id,
         .persons = std::move(picture.persons)});
  }
  keep_first(set.pictures, options.limit);
  if (!set.pictures.empty()) return set;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "there is nothing to compare with",
               .file = annotations_path(options).string(),
               .expected = "at least one person with a box and labelled key points",
               .actual = fmt::format("{} pictures without such a person", set.without_truth)});
}

EvalSet dense_set(const EvalOptions& options, const std::string& task) {
  EvalSet set;
  const std::string_view suffix = truth_suffix(task);
  for (InputFile& input : pictures_of(options)) {
    const fs::path base = fs::path(options.data) / input.path.stem();
    EvalPicture picture{.truth = fs::path(base) += suffix, .classes = fs::path(base) += "_seg.png"};
    if (!is_file(picture.truth)) {
      ++set.without_truth;
      continue;
    }
    if (!is_file(picture.classes)) picture.classes.clear();
    picture.input = std::move(input);
    set.pictures.push_back(std::move(picture));
  }
  keep_first(set.pictures, options.limit);
  if (!set.pictures.empty()) return set;
  throw Error(
      ErrorCode::InvalidArgument,
      {.summary = "there is nothing to compare with",
       .file = options.data,
       .expected = fmt::format("pictures with what is true beside them, as in photo.jpg and "
                               "photo{}",
                               suffix),
       .actual = fmt::format("{} pictures, none with such a file", set.without_truth)});
}

}  // namespace sapiens::cli
