#include "tasks/heatmap_peak.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

// `refine_keypoints_dark_udp` of the original, restated: the map is blurred, brought back to its
// old maximum, and its logarithm, a parabola around a Gaussian peak, gets one Newton step.
namespace sapiens {
namespace {

constexpr int kRadius = 5;

// OpenCV's Gaussian of 11 taps and sigma 2, from the centre outwards. The training targets have
// sigma 6; the original never adapted this.
constexpr float kGaussian[kRadius + 1] = {.200565414f, .176998357f, .121649073f,
                                          .065114057f, .027143577f, .00881222929f};

// Blurs with a border of zeros. In `scratch`: a row with its two borders, the map after the
// horizontal pass with kRadius rows of border above and below, and the result.
class Blur {
 public:
  Blur(Grid size, std::span<float> scratch) noexcept
      : size_(size),
        line_(scratch.data()),
        rows_(line_ + size.width + 2 * kRadius),
        blurred_(rows_ + (size.height + 2 * kRadius) * size.width) {}

  static constexpr Index scratch_size(Grid size) noexcept {
    return size.width + 2 * kRadius + (2 * size.height + 2 * kRadius) * size.width;
  }

  const float* operator()(const float* map) noexcept {
    const Index border = kRadius * size_.width;
    std::fill_n(line_, size_.width + 2 * kRadius, 0.0f);
    std::fill_n(rows_, border, 0.0f);
    std::fill_n(rows_ + border + size_.patches(), border, 0.0f);
    for (Index y = 0; y < size_.height; ++y) {
      std::copy_n(map + y * size_.width, size_.width, line_ + kRadius);
      filter(line_ + kRadius, 1, rows_ + border + y * size_.width);
    }
    for (Index y = 0; y < size_.height; ++y) {
      filter(rows_ + border + y * size_.width, size_.width, blurred_ + y * size_.width);
    }
    return blurred_;
  }

 private:
  // Computes one row of results; neighbours are `step` apart.
  void filter(const float* x, Index step, float* out) const noexcept {
    for (Index i = 0; i < size_.width; ++i) {
      float sum = kGaussian[0] * x[i];
      for (int k = 1; k <= kRadius; ++k) {
        sum += kGaussian[k] * (x[i - k * step] + x[i + k * step]);
      }
      out[i] = sum;
    }
  }

  Grid size_;
  float* line_;
  float* rows_;
  float* blurred_;
};

// The logarithm of the blurred map, extended by its own edge values.
class LogMap {
 public:
  LogMap(const float* blurred, Grid size, float scale) noexcept
      : blurred_(blurred), size_(size), scale_(scale) {}

  double operator()(Index x, Index y) const noexcept {
    x = std::clamp<Index>(x, 0, size_.width - 1);
    y = std::clamp<Index>(y, 0, size_.height - 1);
    return std::log(std::clamp(double{blurred_[y * size_.width + x] * scale_}, 1e-3, 50.0));
  }

 private:
  const float* blurred_;
  Grid size_;
  float scale_;
};

// Moves the peak to where the gradient of the parabola through its neighbours vanishes. The mixed
// derivative looks at one diagonal only, as in the original.
void refine(const LogMap& log, Index x, Index y, HeatmapPeak& peak) noexcept {
  const double here = log(x, y);
  const double left = log(x - 1, y), right = log(x + 1, y);
  const double up = log(x, y - 1), down = log(x, y + 1);
  const double dx = (right - left) / 2;
  const double dy = (down - up) / 2;
  constexpr double kEpsilon = 1.1920928955078125e-07;  // np.finfo(np.float32).eps
  const double dxx = right - 2 * here + left + kEpsilon;
  const double dyy = down - 2 * here + up + kEpsilon;
  const double dxy =
      (log(x + 1, y + 1) - right - down + 2 * here - left - up + log(x - 1, y - 1)) / 2;
  const double determinant = dxx * dyy - dxy * dxy;
  if (determinant == 0) return;
  peak.x -= (dyy * dx - dxy * dy) / determinant;
  peak.y -= (dxx * dy - dxy * dx) / determinant;
}

}  // namespace

Index heatmap_scratch(Grid size) noexcept { return Blur::scratch_size(size); }

HeatmapPeak find_peak(std::span<const float> heatmap, Grid size,
                      std::span<float> scratch) noexcept {
  assert(std::ssize(heatmap) == size.patches() && std::ssize(scratch) == heatmap_scratch(size));
  const auto highest = std::max_element(heatmap.begin(), heatmap.end());
  const float score = *highest;
  if (!(score > 0)) return {.x = -1, .y = -1, .score = score};

  const Index at = highest - heatmap.begin();
  const Index x = at % size.width, y = at / size.width;
  const float* const blurred = Blur(size, scratch)(heatmap.data());
  const float highest_blurred = *std::max_element(blurred, blurred + size.patches());
  HeatmapPeak peak{.x = static_cast<double>(x), .y = static_cast<double>(y), .score = score};
  refine(LogMap(blurred, size, score / highest_blurred), x, y, peak);
  return peak;
}

}  // namespace sapiens
