#include <algorithm>
#include <cmath>

#include "eval/sizes.hpp"
#include "sapiens/error.hpp"
#include "sapiens/eval.hpp"

namespace sapiens {
namespace {

bool is_visible(const GroundTruthKeypoint& point) { return point.visibility == 2; }

}  // namespace

PckEvaluator::PckEvaluator(Index keypoints, double threshold) : threshold_(threshold) {
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
  const double near = threshold_ * std::max(ground_truth.width, ground_truth.height);
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
