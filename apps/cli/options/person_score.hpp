#pragma once

#include <span>

namespace sapiens::cli {

/// Of a whole person, as the usual rescoring has it: the box's score times the mean of the points'
/// above 0.2 (mmpose, coco_metric.py).
inline double person_score(double box_score, std::span<const double> point_scores) {
  constexpr double kMin = 0.2;
  double sum = 0;
  int count = 0;
  for (const double score : point_scores) {
    if (score <= kMin) continue;
    sum += score;
    ++count;
  }
  return count == 0 ? 0 : box_score * sum / count;
}

}  // namespace sapiens::cli
