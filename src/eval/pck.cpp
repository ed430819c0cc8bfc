#include <algorithm>
#include <cmath>

#include "eval/sizes.hpp"
#include "sapiens/error.hpp"
#include "sapiens/eval.hpp"

namespace sapiens {
namespace {

bool is_visible(const LabelledPoint& point) { return point.visibility == 2; }

}  // namespace

PckEvaluator::PckEvaluator(Index keypoints, double share) : share_(share) {
  if (keypoints < 1 || !(share > 0)) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "PCK needs at least one key point and a share above 0"});
  }
  scores_.points.resize(static_cast<std::size_t>(keypoints));
}

void PckEvaluator::add(const LabelledPerson& labelled, const FoundPerson* found) {
  expect_count("the labelled key points", scores_.points.size(), labelled.keypoints.size());
  if (found) expect_count("the found key points", scores_.points.size(), found->keypoints.size());
  if (std::ranges::none_of(labelled.keypoints, is_visible)) return;
  ++scores_.persons;
  if (!found) ++scores_.not_found;
  const double near = share_ * std::max(labelled.width, labelled.height);
  for (std::size_t k = 0; k < scores_.points.size(); ++k) {
    const LabelledPoint& truth = labelled.keypoints[k];
    if (!is_visible(truth)) continue;
    ++scores_.points[k].visible;
    if (!found) continue;
    const FoundPoint& point = found->keypoints[k];
    if (std::hypot(point.x - truth.x, point.y - truth.y) <= near) ++scores_.points[k].right;
  }
}

PckScores PckEvaluator::result() const {
  PckScores scores = scores_;
  Index visible = 0, right = 0;
  for (const PckScores::Point& point : scores.points) {
    visible += point.visible;
    right += point.right;
  }
  if (visible > 0) scores.mean = static_cast<double>(right) / static_cast<double>(visible);
  return scores;
}

}  // namespace sapiens
