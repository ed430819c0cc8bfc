#pragma once

#include <cstdint>
#include <filesystem>
#include <sapiens/eval.hpp>
#include <string>
#include <vector>

#include "cli/eval/options.hpp"
#include "cli/input/annotations.hpp"
#include "cli/input/inputs.hpp"

namespace sapiens::cli {

/// An image and what is true of it.
struct EvalImage {
  InputFile input = {};
  std::int64_t id = 0;                          ///< Of its annotations.
  std::vector<GroundTruthPerson> persons = {};  ///< For keypoints.
  std::filesystem::path truth = {};             ///< Class ids, depths or normals.
  std::filesystem::path classes = {};           ///< Whose pixels count; empty: all.
};

struct EvalSet {
  std::vector<EvalImage> images = {};
  Index without_truth = 0;    ///< Images that were skipped.
  Index without_image = 0;    ///< Files of ground truth that no image is beside.
  LeftOutList left_out = {};  ///< What else is in the folder of images.
};

/// True for a person who counts: no crowd, and with labelled keypoints.
bool is_counted(const GroundTruthPerson& person);

/// True for a person of whom keypoints are looked for in its true box.
bool has_true_box(const GroundTruthPerson& person);

/// DIR/annotations.json, unless it is somewhere else.
std::filesystem::path annotations_path(const EvalOptions& options);

/// The first --limit of the annotated images. With true boxes those in which nobody counts are
/// skipped. Throws InvalidArgument where nobody is left, and CorruptFile where two annotated images
/// are one file, because only one of them can be meant.
EvalSet pose_set(const EvalOptions& options, Annotations annotations);

/// The first --limit of the images beside which lie `photo_seg.png`, `photo_depth.npy` or
/// `photo_normal.npy`, by the task. Throws NotFound for a folder that is none, InvalidArgument
/// where nothing is left.
EvalSet dense_set(const EvalOptions& options, Task task);

}  // namespace sapiens::cli
