#include <algorithm>
#include <cmath>
#include <numbers>

#include "eval/sizes.hpp"
#include "sapiens/eval.hpp"

namespace sapiens {
namespace {

constexpr std::array<double, 3> kLimits = {11.25, 22.5, 30};  // degrees
constexpr double kBins = 100;  // bins per degree: the median is exact to a two-hundredth
constexpr std::size_t kAllBins = 18001;

struct Vector {
  double x, y, z;
};

Vector at(std::span<const float> values, std::size_t pixel) {
  return {values[3 * pixel], values[3 * pixel + 1], values[3 * pixel + 2]};
}

double length(const Vector& v) { return std::hypot(v.x, v.y, v.z); }

bool has_direction(const Vector& v) {
  const double size = length(v);
  return std::isfinite(size) && size > 0;
}

/// The angle in degrees. acos of the dot product would lose half of the digits of small angles.
double angle(const Vector& a, const Vector& b) {
  const Vector cross{a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
  const double dot = a.x * b.x + a.y * b.y + a.z * b.z;
  return std::atan2(length(cross), dot) * 180 / std::numbers::pi;
}

}  // namespace

NormalEvaluator::NormalEvaluator() : histogram_(kAllBins) {}

bool NormalEvaluator::add(std::span<const float> predicted, std::span<const float> ground_truth,
                          std::span<const std::uint8_t> mask) {
  expect_count("the predicted numbers", 3 * mask.size(), predicted.size());
  expect_count("the ground truth numbers", 3 * mask.size(), ground_truth.size());
  const Index before = pixels_;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    const Vector truth = at(ground_truth, i);
    if (mask[i] == 0 || !has_direction(truth)) continue;
    const Vector normal = at(predicted, i);
    const double off = has_direction(normal) ? angle(normal, truth) : 180;
    sum_ += off;
    for (std::size_t limit = 0; limit < kLimits.size(); ++limit) {
      within_[limit] += off < kLimits[limit];
    }
    ++histogram_[static_cast<std::size_t>(off * kBins)];
    ++pixels_;
  }
  images_ += pixels_ > before;
  return pixels_ > before;
}

double NormalEvaluator::median() const {
  Index seen = 0;
  std::size_t bin = 0;
  while (2 * (seen += histogram_[bin]) < pixels_) ++bin;
  return std::min((static_cast<double>(bin) + 0.5) / kBins, 180.0);
}

NormalScores NormalEvaluator::result() const {
  NormalScores scores{.images = images_, .pixels = pixels_};
  if (pixels_ == 0) return scores;
  const auto count = static_cast<double>(pixels_);
  scores.mean = sum_ / count;
  scores.median = median();
  for (std::size_t i = 0; i < kLimits.size(); ++i) {
    scores.within[i] = static_cast<double>(within_[i]) / count;
  }
  return scores;
}

}  // namespace sapiens
