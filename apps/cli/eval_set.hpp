#pragma once

#include <cstdint>
#include <filesystem>
#include <sapiens/eval.hpp>
#include <string>
#include <vector>

#include "annotations.hpp"
#include "eval_options.hpp"
#include "inputs.hpp"

namespace sapiens::cli {

/// A picture and what is true of it.
struct EvalPicture {
  InputFile input = {};
  std::int64_t id = 0;                       ///< Of its annotations.
  std::vector<LabelledPerson> persons = {};  ///< For key points.
  std::filesystem::path truth = {};          ///< Class ids, depths or normals.
  std::filesystem::path classes = {};        ///< Whose pixels count; empty: all.
};

struct EvalSet {
  std::vector<EvalPicture> pictures = {};
  Index without_truth = 0;    ///< Pictures that were skipped.
  Index without_picture = 0;  ///< Files of ground truth that no picture is beside.
  LeftOutList left_out = {};  ///< What else is in the folder of pictures.
};

/// True for a person who counts: no crowd, and with labelled key points.
bool is_counted(const LabelledPerson& person);

/// True for a person of whom key points are looked for in its true box.
bool has_true_box(const LabelledPerson& person);

/// DIR/annotations.json, unless it is somewhere else.
std::filesystem::path annotations_path(const EvalOptions& options);

/// The first --limit of the annotated pictures. With true boxes those in which nobody counts are
/// skipped. Throws InvalidArgument where nobody is left, and CorruptFile where two annotated images
/// are one file, because only one of them can be meant.
EvalSet pose_set(const EvalOptions& options, Annotations annotations);

/// The first --limit of the pictures beside which lie `photo_seg.png`, `photo_depth.npy` or
/// `photo_normal.npy`, by the task. Throws NotFound for a folder that is none, InvalidArgument
/// where nothing is left.
EvalSet dense_set(const EvalOptions& options, const std::string& task);

}  // namespace sapiens::cli
