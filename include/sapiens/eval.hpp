#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sapiens/labels.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

// Accuracy of predictions against ground truth; docs/eval.md has the formulas. An evaluator takes
// one image or person per call and accumulates sums and short records, never images. All functions
// throw `Error(InvalidArgument)` when the sizes of their arguments do not match. Coordinates are in
// pixels of the image.

/// One number of a result, under the name that `sapiens eval` and the Python package give it.
struct Metric {
  std::string name = {};             ///< "mIoU"
  std::optional<double> value = {};  ///< Empty: there was nothing to compute it from.
  std::string meaning = {};          ///< A few words for a table.
  int digits = 4;                    ///< Behind the point, in a table.
};

/// A keypoint of an annotation, as in COCO.
struct GroundTruthKeypoint {
  double x = 0, y = 0;  ///< Pixels.
  int visibility = 0;   ///< 0: not labelled, 1: labelled but hidden, 2: visible.
};

/// An annotated person, as in COCO.
struct GroundTruthPerson {
  double x = 0, y = 0, width = 0, height = 0;  ///< Box; x and y of its top left corner.
  double area = 0;                             ///< Area of the segmentation mask, in pixels.
  bool crowd = false;       ///< COCO's iscrowd: a region of many persons, which is ignored.
  Index num_keypoints = 0;  ///< Labelled keypoints; a person with 0 is ignored.
  std::vector<GroundTruthKeypoint> keypoints = {};  ///< In the order of the keypoint set.
};

/// Position of a predicted keypoint.
struct PredictedKeypoint {
  double x = 0, y = 0;  ///< Pixels.
};

/// A predicted person.
struct PredictedPerson {
  double score = 0;                               ///< Ranks predictions; must be finite.
  std::vector<PredictedKeypoint> keypoints = {};  ///< In the order of the keypoint set.
};

/// The OKS sigma of every keypoint of `set`; empty if the set lacks one.
std::vector<double> oks_sigmas(const KeypointSet& set);

/// The score of a person, as usual in COCO results: the score of the box times the mean of those
/// scores of keypoints that are above 0.2; 0 without any.
double person_score(double box_score, std::span<const double> point_scores);

/// Object keypoint similarity (OKS), 0 to 1, as pycocotools computes it.
double object_keypoint_similarity(std::span<const double> sigmas,
                                  const GroundTruthPerson& ground_truth,
                                  const PredictedPerson& predicted);

/// The number of predictions, best scores first, that `match_persons` considers for an image with
/// `ground_truth` annotated and `predicted` predicted persons: all of them as long as there are at
/// most 250,000 pairs, and at least 20. The limit bounds the cost of crowded images.
std::size_t max_matched_predictions(std::size_t ground_truth, std::size_t predicted);

/// Matches predictions to annotated persons, greedily by falling OKS above 0. Returns one entry per
/// annotated person: the index of its prediction, or nothing. Crowds and persons without labelled
/// keypoints are not matched, and only the best `max_matched_predictions` predictions are used.
std::vector<std::optional<std::size_t>> match_persons(
    std::span<const double> sigmas, std::span<const GroundTruthPerson> ground_truth,
    std::span<const PredictedPerson> predicted);

/// The ten numbers of pycocotools, 0 to 1. A number is empty (-1 in pycocotools) when there is no
/// annotated person of that size.
struct KeypointScores {
  std::optional<double> ap, ap50, ap75, ap_medium, ap_large;  ///< Average precision.
  std::optional<double> ar, ar50, ar75, ar_medium, ar_large;  ///< Average recall.
  Index persons = 0;  ///< Annotated persons that were evaluated.
};

/// "AP", "AP50", "AP75", "APM", "APL", "AR" and so on.
std::vector<Metric> metrics_of(const KeypointScores& scores);

/// COCO's average precision and recall of keypoints, equal to those of pycocotools.
class KeypointEvaluator {
 public:
  static constexpr std::size_t kMaxDetections = 20;  ///< Per image; the best scores.

  /// `sigmas`: see `oks_sigmas`; one per keypoint.
  explicit KeypointEvaluator(std::span<const double> sigmas);

  /// Adds an image. Each image is added once, in any order; among equal scores the one with the
  /// smaller id `image` ranks first. Throws `Error(InvalidArgument)` for scores that are not
  /// finite.
  void add(std::int64_t image, std::span<const GroundTruthPerson> ground_truth,
           std::span<const PredictedPerson> predicted);
  /// The scores over all images so far.
  KeypointScores result() const;

 private:
  static constexpr std::size_t kSizes = 3;  // sizes of persons: all, medium, large
  // One prediction. Bit t of the masks belongs to OKS threshold t.
  struct Record {
    double score;
    std::int64_t image;
    std::int64_t rank;  // by score within its image
    std::array<std::uint16_t, kSizes> matched, ignored;
  };
  struct Curve;

  std::vector<std::size_t> best_first() const;
  Curve curve(std::span<const std::size_t> order, std::size_t size, unsigned threshold) const;

  std::vector<double> sigmas_;
  std::array<Index, kSizes> persons_{};
  std::vector<Record> records_;
};

/// Percentage of correct keypoints (PCK), as shares from 0 to 1 and as counts.
struct PckScores {
  /// Counts for one keypoint over all persons.
  struct Point {
    Index visible = 0;  ///< Persons with this keypoint visible.
    Index correct = 0;  ///< Of these, persons with a correct prediction of it.
    /// Correct / visible; empty if no person has this keypoint visible.
    std::optional<double> share() const;
  };
  double threshold = 0.1;           ///< As a share of the longer side of the box.
  std::optional<double> mean = {};  ///< Correct / visible over all keypoints; empty without any.
  std::vector<Point> points = {};   ///< One entry per keypoint.
  Index persons = 0;                ///< Persons with at least one visible keypoint.
  Index not_found = 0;              ///< Of these, persons without a prediction.
};

/// "PCK@0.1", with the threshold.
std::vector<Metric> metrics_of(const PckScores& scores);

/// Computes PCK. A prediction of a visible keypoint is correct when its distance to the annotation
/// is at most `threshold` times the longer side of the annotated box.
class PckEvaluator {
 public:
  /// `keypoints` is the number of keypoints per person.
  explicit PckEvaluator(Index keypoints, double threshold = 0.1);

  /// Adds a person. Without a prediction (null), all visible keypoints count as incorrect.
  void add(const GroundTruthPerson& ground_truth, const PredictedPerson* predicted);
  /// The scores over all persons so far.
  PckScores result() const;

 private:
  PckScores scores_;
};

/// Intersection over union (IoU) and accuracy, 0 to 1, over all pixels of all images.
struct SegmentationScores {
  /// Numbers of pixels for one class.
  struct Class {
    Index ground_truth = 0;  ///< Pixels that are labelled with this class.
    Index predicted = 0;     ///< Pixels for which this class is predicted.
    Index intersection = 0;  ///< Pixels that are both.
    /// Intersection over union; empty if no pixel is labelled with this class.
    std::optional<double> iou() const;
  };
  std::optional<double> mean_iou = {};        ///< Mean over the classes with labelled pixels.
  std::optional<double> pixel_accuracy = {};  ///< Share of pixels with the correct class.
  Index pixels = 0;                           ///< Pixels that are not ignored.
  std::vector<Class> classes = {};            ///< One entry per class id.
};

/// "mIoU" and "pixel_accuracy".
std::vector<Metric> metrics_of(const SegmentationScores& scores);

/// Accumulates a confusion count of class ids.
class SegmentationEvaluator {
 public:
  static constexpr std::uint8_t kIgnored = 255;  ///< Label of pixels that are ignored.

  /// Throws `Error(InvalidArgument)` unless `classes` is 1 to 255.
  explicit SegmentationEvaluator(Index classes);

  /// Adds the class ids [H * W] of one image. Throws `Error(InvalidArgument)` for an id that is
  /// neither a class nor `kIgnored`.
  void add(std::span<const std::uint8_t> predicted, std::span<const std::uint8_t> ground_truth);
  /// The scores over all images so far.
  SegmentationScores result() const;

 private:
  std::vector<SegmentationScores::Class> classes_;
};

/// Errors of relative depth: means over images of the values of each image. Empty without images.
struct DepthScores {
  std::optional<double> rmse = {};    ///< In the unit of the ground truth.
  std::optional<double> absrel = {};  ///< Mean of |predicted - true| / true.
  /// Share of pixels with max(predicted / true, true / predicted) below 1.25, 1.25^2, 1.25^3.
  std::array<std::optional<double>, 3> delta = {};
  /// Unexplained share of the variance of the true depth (1 - R^2). A constant prediction scores 1
  /// here, although its delta can be perfect when the person is far from the camera.
  std::optional<double> unexplained = {};
  Index images = 0;  ///< Images that were evaluated.
  Index pixels = 0;  ///< Pixels of these images that were evaluated.
};

/// "delta1", "delta2", "delta3", "AbsRel", "RMSE" and "unexplained".
std::vector<Metric> metrics_of(const DepthScores& scores);

/// Compares relative depth with true distances after alignment: for each image, the scale (at least
/// 0) and shift with the least squared error are applied to the prediction.
class DepthEvaluator {
 public:
  /// Adds an image; all arguments are [H * W]. A pixel is evaluated if `mask` is not 0 and the true
  /// depth is finite and positive. Returns false, and adds nothing, for fewer than two such pixels.
  /// Throws `Error(InvalidArgument)` for a predicted depth that is not finite at such a pixel.
  bool add(std::span<const float> predicted, std::span<const float> ground_truth,
           std::span<const std::uint8_t> mask);
  /// The scores over all images so far.
  DepthScores result() const;

 private:
  double rmse_ = 0, absrel_ = 0, unexplained_ = 0;
  std::array<double, 3> delta_{};
  Index images_ = 0, pixels_ = 0;
};

/// Angular errors over all pixels of all images.
struct NormalScores {
  std::optional<double> mean = {}, median = {};      ///< Degrees.
  std::array<std::optional<double>, 3> within = {};  ///< Share below 11.25, 22.5, 30 degrees.
  Index images = 0;                                  ///< Images that were evaluated.
  Index pixels = 0;  ///< Pixels of these images that were evaluated.
};

/// "mean_angle", "median_angle", "within_11.25", "within_22.5" and "within_30".
std::vector<Metric> metrics_of(const NormalScores& scores);

/// Computes angles between predicted and true surface normals.
class NormalEvaluator {
 public:
  NormalEvaluator();

  /// Adds an image: normals [H * W * 3], which need not be unit vectors, and the mask [H * W]. A
  /// pixel is evaluated if `mask` is not 0 and the true normal is not zero; a predicted zero vector
  /// counts as an error of 180 degrees. Returns false if no pixel is evaluated.
  bool add(std::span<const float> predicted, std::span<const float> ground_truth,
           std::span<const std::uint8_t> mask);
  /// The scores over all images so far.
  NormalScores result() const;

 private:
  double median() const;

  double sum_ = 0;
  std::array<Index, 3> within_{};
  Index images_ = 0, pixels_ = 0;
  std::vector<Index> histogram_;
};

}  // namespace sapiens
