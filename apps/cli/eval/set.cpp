#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "cli/eval/eval.hpp"
#include "cli/input/image_matcher.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

fs::path images_folder(const EvalOptions& options) {
  return options.images.empty() ? options.data : options.images;
}

/// Throws where it cannot be found out: the scores without that file would look as good.
bool is_file(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::none && error != std::errc::filename_too_long) {
    throw Error(ErrorCode::NotFound, {.summary = "the file cannot be examined",
                                      .file = path.string(),
                                      .actual = error.message()});
  }
  return fs::is_regular_file(status);
}

/// Where an image of the annotations lies: some files name it with folders in front, and some are
/// written on Windows.
fs::path find_image(const fs::path& folder, const std::string& name) {
  fs::path path = folder / name;  // `name` alone where it is absolute
  if (is_file(path)) return path;
  const std::vector<std::string> parts = path_parts(name);
  for (std::size_t first = 0; first < parts.size(); ++first) {
    fs::path found = folder;
    for (std::size_t i = first; i < parts.size(); ++i) found /= parts[i];
    if (is_file(found)) return found;
  }
  return path;
}

/// "val/1.jpg" and "train/1.jpg" are both found as 1.jpg in a folder that has only one of them.
void expect_files_of_their_own(const EvalOptions& options, const std::vector<EvalImage>& images) {
  std::map<fs::path, const EvalImage*> by_path;
  for (const EvalImage& image : images) {
    const auto [other, is_new] = by_path.emplace(image.input.path.lexically_normal(), &image);
    if (is_new) continue;
    throw Error(ErrorCode::CorruptFile,
                {.summary = "two annotated images are the same file",
                 .file = annotations_path(options).string(),
                 .expected = "a file of its own for every image",
                 .actual = fmt::format("{} and {} are {}", other->second->input.name.string(),
                                       image.input.name.string(), other->first.string()),
                 .hint = "--images names the folder that these names are below"});
  }
}

bool anybody(const std::vector<EvalImage>& images, bool (*is_one)(const GroundTruthPerson&)) {
  return std::ranges::any_of(
      images, [&](const EvalImage& image) { return std::ranges::any_of(image.persons, is_one); });
}

void keep_first(std::vector<EvalImage>& images, Index limit) {
  if (limit > 0 && limit < std::ssize(images)) {
    images.resize(static_cast<std::size_t>(limit));
  }
}

/// photo.jpg and photo.png have one photo_seg.png.
void expect_truth_of_their_own(const std::vector<EvalImage>& images) {
  std::map<fs::path, const EvalImage*> by_truth;
  for (const EvalImage& image : images) {
    const auto [other, is_new] = by_truth.emplace(image.truth, &image);
    if (is_new) continue;
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "two images have the same ground truth",
                 .file = image.truth.string(),
                 .actual = fmt::format("{} and {}", other->second->input.path.string(),
                                       image.input.path.string()),
                 .hint = "move one of the images away, or rename it"});
  }
}

std::string truth_suffix(Task task) {
  return fmt::format("_{}{}", task_name(task), task == Task::Seg ? ".png" : ".npy");
}

/// The images of the folder. Labels and arrays are what is true of them; what else is not among
/// them is noted in `set`.
std::vector<InputFile> images_of(const EvalOptions& options, EvalSet& set) {
  const std::vector<std::string> folder = {images_folder(options).string()};
  Inputs inputs = collect_inputs(folder, {.arrays = true}, std::cin);
  if (!inputs.failed.empty()) throw Error(inputs.failed.front().error);
  std::erase_if(inputs.files, [](const InputFile& file) { return is_array(file.path); });
  set.left_out = inputs.left_out.without(LeftOutReason::Labels);
  return std::move(inputs.files);
}

/// Files of ground truth that are not that of any of `images`. Missing images are easily
/// overlooked: the scores of the others look as good.
Index truths_without_image(const EvalOptions& options, std::string_view suffix,
                           const std::set<fs::path>& of_images) {
  Index count = 0;
  std::error_code error;
  for (fs::directory_iterator entry(options.data, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    count += name.ends_with(suffix) && !name.starts_with('.') &&
             !of_images.contains(fs::path(options.data) / name);
  }
  return count;
}

ModelInfo inspect_model(const EvalOptions& options) {
  const auto inspection = Checkpoint::open(options.run.checkpoint).inspect(options.run.model);
  if (inspection.model.task && has_head(*inspection.model.task)) return inspection.model;
  throw Error(ErrorCode::CheckpointRefused,
              {.summary = "this checkpoint has no results that could be evaluated",
               .file = options.run.checkpoint,
               .expected = "a head for " + head_task_list(),
               .actual = model_text(inspection.model)});
}

/// The layout that a model's points are converted to, so that they are those of the annotations;
/// empty where they are already.
std::string layout_for(Index annotated, Index outputs) {
  // A file with a head of no outputs is refused later.
  if (annotated == outputs || outputs == 0) return "";
  if (annotated == 17) return "coco17";
  if (annotated == 133) return "coco133";
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the annotations have other keypoints than the model",
               .expected = fmt::format("{} keypoints, or 17 or 133, to which points are converted "
                                       "by their names",
                                       outputs),
               .actual = fmt::format("{} keypoints", annotated)});
}

EvalPlan plan_pose(EvalOptions options, Index outputs) {
  Annotations annotations = read_annotations(options);
  options.run.keypoints = layout_for(annotations.keypoints, outputs);
  if (options.boxes != "gt") options.run.boxes_file = options.boxes;
  options.run.person_category = found_category(options);
  const Index keypoints = annotations.keypoints;
  Json files = {{"annotations", annotations.tally.json()}};
  EvalSet set = pose_set(options, std::move(annotations));
  return {std::move(options), std::move(set), keypoints, std::move(files)};
}

EvalPlan plan_dense(EvalOptions options, Task task) {
  if (options.data.empty()) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = fmt::format("nothing tells what is true for {}", task_name(task)),
                 .key = "--data",
                 .hint = "name a folder with --data"});
  }
  if (options.category.chosen) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = fmt::format("persons play no part in {}", task_name(task)),
                 .key = "--person-category",
                 .hint = "leave it out"});
  }
  if (!options.run.detector.empty() || options.boxes != "gt") {
    say(fmt::format("warning: --detector and --boxes play no part in {}", task_name(task)));
  }
  options.run.detector.clear();
  EvalSet set = dense_set(options, task);
  for (const std::string& line : left_out_lines(set.left_out)) say(line);
  Json files = {{"images", {{"left_out", left_out_json(set.left_out)}}}};
  return {std::move(options), std::move(set), 0, std::move(files)};
}

}  // namespace

bool is_counted(const GroundTruthPerson& person) {
  return !person.crowd && person.num_keypoints != 0;
}

bool has_true_box(const GroundTruthPerson& person) {
  return is_counted(person) && person.width > 0 && person.height > 0;
}

fs::path annotations_path(const EvalOptions& options) {
  return options.annotations.empty() ? fs::path(options.data) / "annotations.json"
                                     : fs::path(options.annotations);
}

EvalSet pose_set(const EvalOptions& options, Annotations annotations) {
  EvalSet set;
  const bool needs_persons = options.detections.empty() && options.takes_true_boxes();
  for (AnnotatedImage& image : annotations.images) {
    if (needs_persons && std::ranges::none_of(image.persons, is_counted)) {
      ++set.without_truth;
      continue;
    }
    set.images.push_back({.input = {.path = find_image(images_folder(options), image.file_name),
                                    .name = image.file_name},
                          .id = image.id,
                          .persons = std::move(image.persons)});
  }
  keep_first(set.images, options.limit);
  if (options.detections.empty()) expect_files_of_their_own(options, set.images);
  const bool any = needs_persons ? anybody(set.images, has_true_box) : !set.images.empty();
  if (any) return set;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "there is nothing to compare with",
               .file = annotations_path(options).string(),
               .expected = "at least one person with a box and labelled keypoints",
               .actual = fmt::format("{} images without such a person",
                                     set.without_truth + std::ssize(set.images))});
}

EvalSet dense_set(const EvalOptions& options, Task task) {
  EvalSet set;
  const std::string suffix = truth_suffix(task);
  std::set<fs::path> truths;
  for (InputFile& input : images_of(options, set)) {
    const fs::path base = fs::path(options.data) / input.path.stem();
    EvalImage image{.truth = fs::path(base) += suffix, .classes = fs::path(base) += "_seg.png"};
    if (!is_file(image.truth)) {
      ++set.without_truth;
      continue;
    }
    truths.insert(image.truth);
    if (!is_file(image.classes)) image.classes.clear();
    image.input = std::move(input);
    set.images.push_back(std::move(image));
  }
  set.without_image = truths_without_image(options, suffix, truths);
  keep_first(set.images, options.limit);
  expect_truth_of_their_own(set.images);
  if (!set.images.empty()) return set;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "there is nothing to compare with",
               .file = options.data,
               .expected = fmt::format("images with what is true beside them, as in photo.jpg and "
                                       "photo{}",
                                       suffix),
               .actual = fmt::format("{} images, none with such a file", set.without_truth)});
}

void warn_of(const CocoTally& tally) {
  for (const std::string& line : tally.lines()) say("warning: " + line);
}

Annotations read_annotations(const EvalOptions& options) {
  Annotations annotations = Annotations::read(annotations_path(options), options.category);
  warn_of(annotations.tally);
  return annotations;
}

PersonCategory found_category(const EvalOptions& options) {
  PersonCategory category = options.category;
  if (options.found_category.chosen) category = options.found_category;
  category.option = "--found-category";
  return category;
}

EvalPlan make_eval_plan(EvalOptions options) {
  const ModelInfo model = inspect_model(options);
  TaskOptions& run = options.run;
  const Task task = *model.task;
  run.only = task;
  run.tasks = {{task, run.checkpoint}};
  run.mask = "none";
  if (run.preprocess == PreprocessMode::Lite) run.flip_test = false;  // as `sapiens pose` does
  return task == Task::Pose ? plan_pose(std::move(options), model.outputs)
                            : plan_dense(std::move(options), task);
}

}  // namespace sapiens::cli
