#include <algorithm>
#include <cmath>

#include "eval/sizes.hpp"
#include "sapiens/error.hpp"
#include "sapiens/eval.hpp"

namespace sapiens {
namespace {

bool is_visible(const GroundTruthKeypoint& point) { return point.visibility == 2; }

}  // namespace

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
