#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <sapiens/eval.hpp>
#include <string>
#include <vector>

#include "cli/input/inputs.hpp"
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

/// One number.
struct Metric {
  std::string name = {};
  std::optional<double> value = {};  ///< Empty: there was nothing to compute it from.
  std::string meaning = {};
  int digits = 4;  ///< Behind the point.
};

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
  void add_average_precision(Scores& scores) const;

  Settings settings_;
  std::vector<double> sigmas_;
  std::optional<KeypointEvaluator> precision_;  ///< None without sigmas.
  PckEvaluator pck_;
  Index crowds_ = 0, unlabelled_ = 0, without_area_ = 0;  // annotated persons
  Index beyond_best_ = 0, not_paired_ = 0;                // found persons
};

}  // namespace sapiens::cli
