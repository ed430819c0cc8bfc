#include <algorithm>
#include <cmath>

#include "eval/sizes.hpp"
#include "sapiens/error.hpp"
#include "sapiens/eval.hpp"

namespace sapiens {
namespace {

constexpr double kNear = 1.25;  // delta counts ratios below its first, second and third power

/// The evaluated pixels, as doubles.
struct Depths {
  std::vector<double> predicted, truth;
};

Depths pick(std::span<const float> predicted, std::span<const float> ground_truth,
            std::span<const std::uint8_t> mask) {
  Depths depths;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    if (mask[i] == 0 || !std::isfinite(ground_truth[i]) || ground_truth[i] <= 0) continue;
    if (!std::isfinite(predicted[i])) {
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = "a predicted depth is not a finite number"});
    }
    depths.predicted.push_back(predicted[i]);
    depths.truth.push_back(ground_truth[i]);
  }
  return depths;
}

double mean(std::span<const double> numbers) {
  double sum = 0;
  for (const double x : numbers) sum += x;
  return sum / static_cast<double>(numbers.size());
}

/// The sum of squared differences from the mean.
double spread(std::span<const double> numbers) {
  const double center = mean(numbers);
  double sum = 0;
  for (const double x : numbers) sum += (x - center) * (x - center);
  return sum;
}

struct Line {
  double scale = 0, shift = 0;
};

/// Fits by least squares. A negative scale would exchange near and far and rate an inverted depth
/// as good; the best non-negative scale is then 0.
Line fit(const Depths& depths) {
  const double x0 = mean(depths.predicted), y0 = mean(depths.truth);
  double xx = 0, xy = 0;
  for (std::size_t i = 0; i < depths.predicted.size(); ++i) {
    const double x = depths.predicted[i] - x0;
    xx += x * x;
    xy += x * (depths.truth[i] - y0);
  }
  const double scale = xx > 0 ? std::max(0.0, xy / xx) : 0;
  return {scale, y0 - scale * x0};
}

}  // namespace

bool DepthEvaluator::add(std::span<const float> predicted, std::span<const float> ground_truth,
                         std::span<const std::uint8_t> mask) {
  expect_count("the ground truth depths", predicted.size(), ground_truth.size());
  expect_count("the pixels of the mask", predicted.size(), mask.size());
  const Depths depths = pick(predicted, ground_truth, mask);
  if (depths.predicted.size() < 2) return false;
  const Line line = fit(depths);
  double squares = 0, relative = 0;
  std::array<Index, 3> near{};
  for (std::size_t i = 0; i < depths.predicted.size(); ++i) {
    const double truth = depths.truth[i];
    const double aligned = line.scale * depths.predicted[i] + line.shift;
    squares += (aligned - truth) * (aligned - truth);
    relative += std::abs(aligned - truth) / truth;
    if (aligned <= 0) continue;  // behind the camera, so wrong by any factor
    double limit = kNear;
    for (Index& count : near) {
      count += std::max(aligned / truth, truth / aligned) < limit;
      limit *= kNear;
    }
  }
  const auto count = static_cast<double>(depths.predicted.size());
  rmse_ += std::sqrt(squares / count);
  absrel_ += relative / count;
  const double all = spread(depths.truth);
  unexplained_ += all > 0 ? squares / all : 0;
  for (std::size_t i = 0; i < near.size(); ++i) delta_[i] += static_cast<double>(near[i]) / count;
  pixels_ += std::ssize(depths.predicted);
  ++images_;
  return true;
}

DepthScores DepthEvaluator::result() const {
  DepthScores scores{.images = images_, .pixels = pixels_};
  if (images_ == 0) return scores;
  const auto count = static_cast<double>(images_);
  scores.rmse = rmse_ / count;
  scores.absrel = absrel_ / count;
  scores.unexplained = unexplained_ / count;
  for (std::size_t i = 0; i < delta_.size(); ++i) scores.delta[i] = delta_[i] / count;
  return scores;
}

}  // namespace sapiens
