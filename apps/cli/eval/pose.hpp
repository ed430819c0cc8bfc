#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/eval/measure.hpp"

namespace sapiens::cli {

/// Keypoints, found by a model or read from a file.
class PoseMeasure : public Measure {
 public:
  struct Settings {
    Index keypoints = 0;
    const KeypointSet* set = nullptr;  ///< Null where nobody has named the points.
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
