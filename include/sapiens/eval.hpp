#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sapiens/labels.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

// How good results are, against annotations. Every class takes one image, or person, after the
// other and keeps sums and short records, never images. docs/eval.md has the formulas. All throw
// Error(InvalidArgument) for sizes that do not fit each other.

/// A keypoint as COCO annotates it.
struct GroundTruthKeypoint {
  double x = 0, y = 0;
  int visibility = 0;  ///< 0: not labelled, 1: labelled but hidden, 2: visible.
};

/// A person as COCO annotates one.
struct GroundTruthPerson {
  double x = 0, y = 0, width = 0, height = 0;  ///< The box.
  double area = 0;                             ///< Of the person's outline, in pixels.
  bool crowd = false;                          ///< A region of many persons, which is not counted.
  Index labelled = 0;  ///< COCO's num_keypoints; a person with 0 is not counted.
  std::vector<GroundTruthKeypoint> keypoints = {};
};

struct PredictedKeypoint {
  double x = 0, y = 0;
};

struct PredictedPerson {
  double score = 0;
  std::vector<PredictedKeypoint> keypoints = {};
};

/// The annotators' spread of every point; empty where the set does not know all of them.
std::vector<double> oks_sigmas(const KeypointSet& set);

/// Object keypoint similarity, 0 to 1, as pycocotools computes it.
double object_keypoint_similarity(std::span<const double> sigmas, const GroundTruthPerson& labelled,
                                  const PredictedPerson& found);

/// How many of `found` persons, best scores first, `pair_persons` compares with each of `labelled`
/// ones: all of them up to 250,000 pairs, as 500 persons found among 500 have, so that cost and
/// memory of a crowded image stay in proportion to its persons; never less than 20.
std::size_t pairable(std::size_t labelled, std::size_t found);

/// For every labelled person, which of `found` is it: pairs are taken by falling similarity, as
/// long as it is above 0. Crowds and persons without labelled points get nobody. Only the best
/// `pairable` of the found ones are somebody's.
std::vector<std::optional<std::size_t>> pair_persons(std::span<const double> sigmas,
                                                     std::span<const GroundTruthPerson> labelled,
                                                     std::span<const PredictedPerson> found);

/// The ten numbers of pycocotools; empty (its -1) where there is no person of that size.
struct KeypointScores {
  std::optional<double> ap, ap50, ap75, ap_medium, ap_large;
  std::optional<double> ar, ar50, ar75, ar_medium, ar_large;
  Index persons = 0;  ///< That count, of any size.
};

/// COCO's average precision and recall of keypoints, equal to those of pycocotools.
class KeypointEvaluator {
 public:
  static constexpr std::size_t kMaxDetections = 20;  ///< Of an image; the best ones.

  explicit KeypointEvaluator(std::span<const double> sigmas);

  /// Each image once, in any order. `image` decides between equal scores in several images:
  /// the smaller number comes first. Throws for scores that are not finite.
  void add(std::int64_t image, std::span<const GroundTruthPerson> labelled,
           std::span<const PredictedPerson> found);
  KeypointScores result() const;

 private:
  static constexpr std::size_t kSizes = 3;  // of persons: all, medium, large
  /// One found person; bit t is for similarity threshold t.
  struct Record {
    double score;
    std::int64_t image;
    std::int64_t rank;  // in its image
    std::array<std::uint16_t, kSizes> matched, ignored;
  };
  struct Curve;

  std::vector<std::size_t> best_first() const;
  Curve curve(std::span<const std::size_t> order, std::size_t size, unsigned threshold) const;

  std::vector<double> sigmas_;
  std::array<Index, kSizes> persons_{};
  std::vector<Record> records_;
};

struct PckScores {
  struct Point {
    Index visible = 0, correct = 0;
  };
  std::optional<double> mean = {};   ///< Right among all visible points of all persons.
  std::vector<Point> points = {};    ///< By keypoint.
  Index persons = 0, not_found = 0;  ///< With a visible point; of these, without a result.
};

/// The share of visible keypoints that lie within `share` of the longer side of the person's box.
class PckEvaluator {
 public:
  explicit PckEvaluator(Index keypoints, double share = 0.1);

  /// A person of whom nothing was `found` (null) has no point right.
  void add(const GroundTruthPerson& labelled, const PredictedPerson* found);
  PckScores result() const;

 private:
  double share_;
  PckScores scores_;
};

struct SegmentationScores {
  struct Class {
    Index labelled = 0, found = 0, both = 0;  ///< Pixels.
    std::optional<double> iou() const;        ///< Empty where no pixel is labelled so.
  };
  std::optional<double> mean_iou = {};  ///< Of the classes with labelled pixels.
  std::optional<double> pixel_accuracy = {};
  Index pixels = 0;
  std::vector<Class> classes = {};
};

class SegmentationEvaluator {
 public:
  static constexpr std::uint8_t kIgnored = 255;  ///< A label that says to leave the pixel out.

  /// 1 to 255 classes.
  explicit SegmentationEvaluator(Index classes);

  /// Class ids of the pixels of one image. Throws for a label that is no class.
  void add(std::span<const std::uint8_t> found, std::span<const std::uint8_t> labelled);
  SegmentationScores result() const;

 private:
  std::vector<SegmentationScores::Class> classes_;
};

/// Means of the images' own numbers; all empty without an image.
struct DepthScores {
  std::optional<double> rmse = {};    ///< In the unit of the labels.
  std::optional<double> absrel = {};  ///< |found - true| / true.
  /// Share of pixels with max(found / true, true / found) below 1.25, 1.25^2, 1.25^3.
  std::array<std::optional<double>, 3> delta = {};
  /// Share of the true depths' variance that is left: 1 for the same depth everywhere, whose delta
  /// may well be 1, as persons are flat for somebody who stands far away.
  std::optional<double> unexplained = {};
  Index images = 0, pixels = 0;
};

/// Relative depth against true distances, after a scale of at least 0 and a shift for each image
/// that fit best (least squares).
class DepthEvaluator {
 public:
  /// One image; pixels count where `mask` is not 0 and the true depth is finite and above 0.
  /// False, and nothing is added, where fewer than two do. Throws for a found depth that is not
  /// finite where it counts.
  bool add(std::span<const float> found, std::span<const float> labelled,
           std::span<const std::uint8_t> mask);
  DepthScores result() const;

 private:
  double rmse_ = 0, absrel_ = 0, unexplained_ = 0;
  std::array<double, 3> delta_{};
  Index images_ = 0, pixels_ = 0;
};

/// Over all pixels of all images, in degrees.
struct NormalScores {
  std::optional<double> mean = {}, median = {};
  std::array<std::optional<double>, 3> within = {};  ///< Share below 11.25, 22.5, 30 degrees.
  Index images = 0, pixels = 0;
};

/// Angles between found and true surface normals.
class NormalEvaluator {
 public:
  NormalEvaluator();

  /// One image, three numbers a pixel, of any length. Pixels count where `mask` is not 0 and the
  /// true normal has a direction; one found without a direction is off by 180 degrees. False where
  /// no pixel counts.
  bool add(std::span<const float> found, std::span<const float> labelled,
           std::span<const std::uint8_t> mask);
  NormalScores result() const;

 private:
  double median() const;

  double sum_ = 0;
  std::array<Index, 3> within_{};
  Index images_ = 0, pixels_ = 0;
  std::vector<Index> histogram_;
};

}  // namespace sapiens
