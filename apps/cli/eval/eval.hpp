#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <sapiens/eval.hpp>
#include <string>
#include <vector>

#include "cli/input/coco_files.hpp"
#include "cli/input/inputs.hpp"
#include "cli/options/task_options.hpp"
#include "cli/run/frames.hpp"

namespace sapiens::cli {

/// An image and what is true of it.
struct EvalImage {
  InputFile input = {};
  std::int64_t id = 0;                          ///< Of its annotations.
  std::vector<GroundTruthPerson> persons = {};  ///< For keypoints.
  std::filesystem::path truth = {};             ///< Class ids, depths or normals.
  std::filesystem::path classes = {};           ///< Whose pixels count; empty: all.
};

/// True for a person who counts: no crowd, and with labelled keypoints.
bool is_counted(const GroundTruthPerson& person);

/// True for a person of whom keypoints are looked for in its true box.
bool has_true_box(const GroundTruthPerson& person);

/// How good the results of one task are.
struct Scores {
  std::vector<Metric> metrics = {};
  std::vector<Metric> parts = {};  ///< The same for single keypoints or classes.
  Json counted = Json::object();   ///< What was compared: pixels, persons.
  Json left_out = Json::object();  ///< Persons that were not, and why.
  std::string conventions = {};    ///< What a reader must know to compare them with others.
};

/// Compares results with what is true, one image after the other.
class Measure {
 public:
  virtual ~Measure() = default;
  /// False where the image has nothing to compare. Throws what is wrong with it.
  virtual bool add(const EvalImage& image, const Frame& frame) = 0;
  virtual Scores scores() const = 0;
};

/// For segmentation, depth or normals. `classes` are those of the model, which `set` names if it is
/// not null.
std::unique_ptr<Measure> dense_measure(Task task, Index classes, const SegClassSet* set);

/// Keypoints, found by a model or read from a file.
class PoseMeasure : public Measure {
 public:
  struct Settings {
    Index keypoints = 0;
    const KeypointSet* set = nullptr;  ///< Null where the points have no names.
    double pck = 0.1;
    /// Poses of a frame are those of the persons with a true box, in their order; otherwise who is
    /// who is told by similarity.
    bool true_boxes = true;
  };

  /// Throws InvalidArgument where persons must be told by similarity and nothing says how exactly
  /// the points are annotated.
  explicit PoseMeasure(const Settings& settings);

  bool add(const EvalImage& image, const Frame& frame) override;
  void add(const EvalImage& image, const std::vector<PredictedPerson>& found);
  Scores scores() const override;

 private:
  void add(const EvalImage& image, const std::vector<PredictedPerson>& found,
           const std::vector<std::optional<std::size_t>>& partners);
  void count_left_out(const EvalImage& image, std::size_t found);

  Settings settings_;
  std::vector<double> sigmas_;
  std::optional<KeypointEvaluator> precision_;  ///< None without sigmas.
  PckEvaluator pck_;
  Index crowds_ = 0, unlabelled_ = 0, without_area_ = 0;  // annotated persons
  Index beyond_best_ = 0, not_paired_ = 0;                // found persons
};

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
  bool memory_ran_out = false;  ///< For an image that failed.
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
