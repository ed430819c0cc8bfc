#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "eval/sizes.hpp"
#include "sapiens/error.hpp"
#include "sapiens/eval.hpp"

namespace sapiens {
namespace {

struct Distance {
  double x = 0, y = 0;
};

/// The distance of a value from [first, last].
double outside(double value, double first, double last) {
  return std::max(0.0, first - value) + std::max(0.0, value - last);
}

/// The distance to a region three times the box's size, for persons without labelled keypoints.
Distance to_region(const GroundTruthPerson& person, const PredictedKeypoint& point) {
  return {outside(point.x, person.x - person.width, person.x + 2 * person.width),
          outside(point.y, person.y - person.height, person.y + 2 * person.height)};
}

bool has_label(const GroundTruthKeypoint& point) { return point.visibility > 0; }

struct Pair {
  double similarity;
  std::size_t ground_truth, predicted;
};

/// The indices of the `count` best scores, in the order of the list.
std::vector<std::size_t> best_places(std::span<const PredictedPerson> predicted,
                                     std::size_t count) {
  std::vector<std::size_t> places(predicted.size());
  std::iota(places.begin(), places.end(), 0);
  if (count == places.size()) return places;
  std::ranges::stable_sort(places, std::ranges::greater{},
                           [&](std::size_t place) { return predicted[place].score; });
  places.resize(count);
  std::ranges::sort(places);
  return places;
}

bool is_visible(const GroundTruthKeypoint& point) { return point.visibility == 2; }

}  // namespace

std::size_t max_matched_predictions(std::size_t ground_truth, std::size_t predicted) {
  constexpr std::size_t kMaxPairs = 250'000;
  const std::size_t share = kMaxPairs / std::max<std::size_t>(ground_truth, 1);
  return std::min(predicted, std::max(share, KeypointEvaluator::kMaxDetections));
}

std::vector<double> oks_sigmas(const KeypointSet& set) {
  std::vector<double> sigmas;
  for (const KeypointInfo& point : set.keypoints) {
    if (!(point.sigma > 0)) return {};
    // The published number 0.026 instead of 0.0260000005, because pycocotools computes with it.
    sigmas.push_back(std::stod(fmt::format("{}", point.sigma)));
  }
  return sigmas;
}

double person_score(double box_score, std::span<const double> point_scores) {
  constexpr double kMin = 0.2;  // as mmpose's coco_metric.py
  double sum = 0;
  int count = 0;
  for (const double score : point_scores) {
    if (score <= kMin) continue;
    sum += score;
    ++count;
  }
  return count == 0 ? 0 : box_score * sum / count;
}

double object_keypoint_similarity(std::span<const double> sigmas,
                                  const GroundTruthPerson& ground_truth,
                                  const PredictedPerson& predicted) {
  expect_count("the ground truth keypoints", sigmas.size(), ground_truth.keypoints.size());
  expect_count("the predicted keypoints", sigmas.size(), predicted.keypoints.size());
  const bool any = std::ranges::any_of(ground_truth.keypoints, has_label);
  // np.spacing(1): an area of 0 must not divide by 0.
  const double area = ground_truth.area + std::numeric_limits<double>::epsilon();
  double sum = 0;
  Index points = 0;
  for (std::size_t k = 0; k < sigmas.size(); ++k) {
    const GroundTruthKeypoint& truth = ground_truth.keypoints[k];
    if (any && !has_label(truth)) continue;
    const PredictedKeypoint& point = predicted.keypoints[k];
    const Distance d =
        any ? Distance{point.x - truth.x, point.y - truth.y} : to_region(ground_truth, point);
    const double spread = 2 * sigmas[k];
    sum += std::exp(-(d.x * d.x + d.y * d.y) / (spread * spread) / area / 2);
    ++points;
  }
  return points == 0 ? 0 : sum / static_cast<double>(points);
}

std::vector<std::optional<std::size_t>> match_persons(
    std::span<const double> sigmas, std::span<const GroundTruthPerson> ground_truth,
    std::span<const PredictedPerson> predicted) {
  const auto places =
      best_places(predicted, max_matched_predictions(ground_truth.size(), predicted.size()));
  std::vector<Pair> pairs;
  for (std::size_t l = 0; l < ground_truth.size(); ++l) {
    if (ground_truth[l].crowd || ground_truth[l].num_keypoints == 0) continue;
    for (const std::size_t f : places) {
      const double similarity = object_keypoint_similarity(sigmas, ground_truth[l], predicted[f]);
      if (similarity > 0) pairs.push_back({similarity, l, f});
    }
  }
  std::ranges::stable_sort(pairs, std::ranges::greater{}, &Pair::similarity);
  std::vector<std::optional<std::size_t>> partner(ground_truth.size());
  std::vector<bool> taken(predicted.size());
  for (const Pair& pair : pairs) {
    if (partner[pair.ground_truth] || taken[pair.predicted]) continue;
    partner[pair.ground_truth] = pair.predicted;
    taken[pair.predicted] = true;
  }
  return partner;
}

std::optional<double> PckScores::Point::share() const {
  if (visible == 0) return std::nullopt;
  return static_cast<double>(correct) / static_cast<double>(visible);
}

PckEvaluator::PckEvaluator(Index keypoints, double threshold) : scores_{.threshold = threshold} {
  if (keypoints < 1 || !(threshold > 0)) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "PCK needs at least one keypoint and a threshold above 0"});
  }
  scores_.points.resize(static_cast<std::size_t>(keypoints));
}

void PckEvaluator::add(const GroundTruthPerson& ground_truth, const PredictedPerson* predicted) {
  expect_count("the ground truth keypoints", scores_.points.size(), ground_truth.keypoints.size());
  if (predicted)
    expect_count("the predicted keypoints", scores_.points.size(), predicted->keypoints.size());
  if (std::ranges::none_of(ground_truth.keypoints, is_visible)) return;
  ++scores_.persons;
  if (!predicted) ++scores_.not_found;
  const double near = scores_.threshold * std::max(ground_truth.width, ground_truth.height);
  for (std::size_t k = 0; k < scores_.points.size(); ++k) {
    const GroundTruthKeypoint& truth = ground_truth.keypoints[k];
    if (!is_visible(truth)) continue;
    ++scores_.points[k].visible;
    if (!predicted) continue;
    const PredictedKeypoint& point = predicted->keypoints[k];
    if (std::hypot(point.x - truth.x, point.y - truth.y) <= near) ++scores_.points[k].correct;
  }
}

PckScores PckEvaluator::result() const {
  PckScores scores = scores_;
  Index visible = 0, correct = 0;
  for (const PckScores::Point& point : scores.points) {
    visible += point.visible;
    correct += point.correct;
  }
  if (visible > 0) scores.mean = static_cast<double>(correct) / static_cast<double>(visible);
  return scores;
}

}  // namespace sapiens
