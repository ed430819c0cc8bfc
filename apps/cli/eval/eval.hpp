#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/eval/measure.hpp"
#include "cli/input/coco_files.hpp"
#include "cli/input/inputs.hpp"
#include "cli/options/task_options.hpp"

namespace sapiens::cli {

/// What a user gave to `sapiens eval`.
struct EvalOptions {
  TaskOptions run;  ///< How results are computed; its `checkpoint` is CKPT.
  std::string data;
  std::string annotations;  ///< Empty: annotations.json in `data`.
  std::string images;       ///< Empty: `data`.
  std::string detections;   ///< What was found before; no model runs.
  std::string boxes = "gt";
  PersonCategory category;        ///< Of the annotations.
  PersonCategory found_category;  ///< Of `detections` or `boxes`; unless chosen, the same.
  std::string output;             ///< A JSON file.
  Index limit = 0;                ///< 0: all images.
  double pck = 0.1;

  bool takes_true_boxes() const { return boxes == "gt" && run.detector.empty(); }
};

struct EvalSet {
  std::vector<EvalImage> images = {};
  Index without_truth = 0;    ///< Images that were skipped.
  Index without_image = 0;    ///< Files of ground truth that no image is beside.
  LeftOutList left_out = {};  ///< What else is in the folder of images.
};

/// DIR/annotations.json, unless it is somewhere else.
std::filesystem::path annotations_path(const EvalOptions& options);

/// The first --limit of the annotated images. With true boxes those in which no person counts
/// are skipped. Throws InvalidArgument where no person is left, and CorruptFile where two annotated
/// images are one file, because only one of them can be meant.
EvalSet pose_set(const EvalOptions& options, Annotations annotations);

/// The first --limit of the images beside which lie `photo_seg.png`, `photo_depth.npy` or
/// `photo_normal.npy`, by the task. Throws NotFound for a folder that is none, InvalidArgument
/// where nothing is left.
EvalSet dense_set(const EvalOptions& options, Task task);

/// What is run, and what its results are compared with.
struct EvalPlan {
  EvalOptions options = {};
  EvalSet set = {};
  Index keypoints = 0;          ///< That are annotated; 0 for other tasks.
  Json files = Json::object();  ///< What of annotations and folders is used.

  bool true_boxes() const { return keypoints > 0 && options.takes_true_boxes(); }
};

/// For the checkpoint of `options`. Says what of the annotations is left out.
EvalPlan make_eval_plan(EvalOptions options);

/// Says what of a file is left out.
void warn_of(const CocoTally& tally);

/// Says what of them is left out.
Annotations read_annotations(const EvalOptions& options);

/// The category of the persons that were found, whose file may count in another way.
PersonCategory found_category(const EvalOptions& options);

/// The output of `sapiens eval`.
struct EvalReport {
  Task task = Task::Pose;
  std::string what = {};   ///< What was evaluated: "model.pth: ..", or a file of found persons.
  Json settings = {};      ///< How the results were made.
  std::string truth = {};  ///< The folder or file of what is true.
  std::string boxes = {};  ///< Where persons were looked for; empty for tasks without.
  Index images = 0;        ///< Compared.
  Index without_truth = 0, failed = 0;
  Json files = Json::object();  ///< What of COCO files and folders was used.
  Scores scores = {};
};

/// Runs the model on the annotated images and compares while it computes. An image that fails is
/// reported and left out; when memory runs out, the error is thrown.
EvalReport evaluate_model(const EvalOptions& options, Session& session);

/// Compares what --detections names, without a model.
EvalReport evaluate_detections(const EvalOptions& options);

/// A table for people.
std::string report_text(const EvalReport& report);
Json report_json(const EvalReport& report);

}  // namespace sapiens::cli
