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
  std::size_t labelled, found;
};

/// The indices of the `count` best scores, in the order of the list.
std::vector<std::size_t> best_places(std::span<const PredictedPerson> found, std::size_t count) {
  std::vector<std::size_t> places(found.size());
  std::iota(places.begin(), places.end(), 0);
  if (count == places.size()) return places;
  std::ranges::stable_sort(places, std::ranges::greater{},
                           [&](std::size_t place) { return found[place].score; });
  places.resize(count);
  std::ranges::sort(places);
  return places;
}

bool is_visible(const GroundTruthKeypoint& point) { return point.visibility == 2; }

}  // namespace

std::size_t pairable(std::size_t labelled, std::size_t found) {
  constexpr std::size_t kMaxPairs = 250'000;
  const std::size_t share = kMaxPairs / std::max<std::size_t>(labelled, 1);
  return std::min(found, std::max(share, KeypointEvaluator::kMaxDetections));
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

double object_keypoint_similarity(std::span<const double> sigmas, const GroundTruthPerson& labelled,
                                  const PredictedPerson& found) {
  expect_count("the labelled keypoints", sigmas.size(), labelled.keypoints.size());
  expect_count("the found keypoints", sigmas.size(), found.keypoints.size());
  const bool any = std::ranges::any_of(labelled.keypoints, has_label);
  // np.spacing(1): an area of 0 must not divide by 0.
  const double area = labelled.area + std::numeric_limits<double>::epsilon();
  double sum = 0;
  Index points = 0;
  for (std::size_t k = 0; k < sigmas.size(); ++k) {
    const GroundTruthKeypoint& truth = labelled.keypoints[k];
    if (any && !has_label(truth)) continue;
    const PredictedKeypoint& point = found.keypoints[k];
    const Distance d =
        any ? Distance{point.x - truth.x, point.y - truth.y} : to_region(labelled, point);
    const double spread = 2 * sigmas[k];
    sum += std::exp(-(d.x * d.x + d.y * d.y) / (spread * spread) / area / 2);
    ++points;
  }
  return points == 0 ? 0 : sum / static_cast<double>(points);
}

std::vector<std::optional<std::size_t>> pair_persons(std::span<const double> sigmas,
                                                     std::span<const GroundTruthPerson> labelled,
                                                     std::span<const PredictedPerson> found) {
  const auto places = best_places(found, pairable(labelled.size(), found.size()));
  std::vector<Pair> pairs;
  for (std::size_t l = 0; l < labelled.size(); ++l) {
    if (labelled[l].crowd || labelled[l].labelled == 0) continue;
    for (const std::size_t f : places) {
      const double similarity = object_keypoint_similarity(sigmas, labelled[l], found[f]);
      if (similarity > 0) pairs.push_back({similarity, l, f});
    }
  }
  std::ranges::stable_sort(pairs, std::ranges::greater{}, &Pair::similarity);
  std::vector<std::optional<std::size_t>> partner(labelled.size());
  std::vector<bool> taken(found.size());
  for (const Pair& pair : pairs) {
    if (partner[pair.labelled] || taken[pair.found]) continue;
    partner[pair.labelled] = pair.found;
    taken[pair.found] = true;
  }
  return partner;
}

PckEvaluator::PckEvaluator(Index keypoints, double share) : share_(share) {
  if (keypoints < 1 || !(share > 0)) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "PCK needs at least one keypoint and a share above 0"});
  }
  scores_.points.resize(static_cast<std::size_t>(keypoints));
}

void PckEvaluator::add(const GroundTruthPerson& labelled, const PredictedPerson* found) {
  expect_count("the labelled keypoints", scores_.points.size(), labelled.keypoints.size());
  if (found) expect_count("the found keypoints", scores_.points.size(), found->keypoints.size());
  if (std::ranges::none_of(labelled.keypoints, is_visible)) return;
  ++scores_.persons;
  if (!found) ++scores_.not_found;
  const double near = share_ * std::max(labelled.width, labelled.height);
  for (std::size_t k = 0; k < scores_.points.size(); ++k) {
    const GroundTruthKeypoint& truth = labelled.keypoints[k];
    if (!is_visible(truth)) continue;
    ++scores_.points[k].visible;
    if (!found) continue;
    const PredictedKeypoint& point = found->keypoints[k];
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
