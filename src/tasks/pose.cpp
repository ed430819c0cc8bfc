#include "tasks/pose.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <iterator>

#include "sapiens/error.hpp"
#include "sapiens/report.hpp"

namespace sapiens {
namespace {

// `refine_keypoints_dark_udp` of the original, restated: the map is blurred, brought back to its
// old maximum, and its logarithm, a parabola around a Gaussian peak, gets one Newton step.

/// The position of a heatmap's maximum, in pixels of the map.
struct HeatmapPeak {
  double x = 0, y = 0;
  float score = 0;  ///< The highest value itself.
};

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

/// The size that `scratch` of `find_peak` must have.
Index heatmap_scratch(Grid size) noexcept { return Blur::scratch_size(size); }

/// Finds the peak of one map of `size`, to a fraction of a pixel; `scratch` is overwritten.
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

// The number of keypoints whose maps are gathered from the channels at once: half a cache line of
// each pixel.
constexpr Index kBlock = 8;

void expect_heatmaps(const HeadOutput& heatmaps) {
  const auto& [values, size] = heatmaps;
  expect_shape("heatmaps", values, {size.patches(), kAny});
  // Positions are divided by size - 1, so both sides must exceed 1.
  if (size.height > 1 && size.width > 1) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "heatmaps of this size have no positions",
               .expected = "at least 2 x 2 pixels",
               .actual = fmt::format("{} x {} (height x width)", size.height, size.width)});
}

void expect_partners(std::span<const int> partners, Index keypoints) {
  const auto valid = [keypoints](int partner) { return 0 <= partner && partner < keypoints; };
  if (std::ssize(partners) == keypoints && std::all_of(partners.begin(), partners.end(), valid)) {
    return;
  }
  throw Error(ErrorCode::ShapeMismatch,
              {.summary = "the flip partners are not those of this model",
               .expected = fmt::format("{} numbers below {}", keypoints, keypoints),
               .actual = fmt::format("{} numbers", partners.size())});
}

// Copies the maps of channels [first, first + count), one after the other.
void gather_maps(ConstMatrix values, Index first, Index count, float* maps) noexcept {
  const Index pixels = values.extent(0);
  for (Index pixel = 0; pixel < pixels; ++pixel) {
    const float* const channels = values[pixel].data() + first;
    for (Index k = 0; k < count; ++k) maps[k * pixels + pixel] = channels[k];
  }
}

}  // namespace

void average_with_mirrored(Matrix heatmaps, const HeadOutput& mirrored,
                           std::span<const int> partners, const ThreadPool& pool) {
  const Grid size = mirrored.size;
  const Index keypoints = heatmaps.extent(1);
  expect_shape("heatmaps", heatmaps, {size.patches(), keypoints});
  expect_shape("heatmaps of the mirrored input", mirrored.values, {size.patches(), keypoints});
  expect_partners(partners, keypoints);
  pool.parallel_for(size.height, [&](Index begin, Index end) {
    for (Index pixel = begin * size.width; pixel < end * size.width; ++pixel) {
      const Index x = pixel % size.width;
      const float* const other = mirrored.values[pixel - x + (size.width - 1 - x)].data();
      float* const values = heatmaps[pixel].data();
      for (Index k = 0; k < keypoints; ++k) values[k] = (values[k] + other[partners[k]]) * 0.5f;
    }
  });
}

std::vector<InputKeypoint> decode_heatmaps(const HeadOutput& heatmaps, Grid input,
                                           const ThreadPool& pool) {
  expect_heatmaps(heatmaps);
  const ConstMatrix values = heatmaps.values;
  const Grid size = heatmaps.size;
  const Index keypoints = values.extent(1), pixels = size.patches();
  const double to_x = static_cast<double>(input.width) / static_cast<double>(size.width - 1);
  const double to_y = static_cast<double>(input.height) / static_cast<double>(size.height - 1);

  struct Scratch {
    std::vector<float> maps, blur;
  };
  const auto floats = [](Index count) {
    return std::vector<float>(static_cast<std::size_t>(count));
  };
  std::vector<Scratch> scratch(static_cast<std::size_t>(pool.threads()),
                               {floats(kBlock * pixels), floats(heatmap_scratch(size))});
  std::vector<InputKeypoint> found(static_cast<std::size_t>(keypoints));
  pool.parallel_tasks((keypoints + kBlock - 1) / kBlock, [&](Index block, int worker) {
    auto& [maps, blur] = scratch[worker];
    const Index first = block * kBlock, count = std::min(kBlock, keypoints - first);
    gather_maps(values, first, count, maps.data());
    for (Index k = 0; k < count; ++k) {
      const std::span<const float> map(maps.data() + k * pixels, static_cast<std::size_t>(pixels));
      const HeatmapPeak peak = find_peak(map, size, blur);
      found[first + k] = {.x = peak.x * to_x, .y = peak.y * to_y, .score = peak.score};
    }
  });
  return found;
}

std::vector<Keypoint> to_image(std::span<const InputKeypoint> keypoints, const PersonCrop& crop,
                               Grid input) {
  const double left = double{crop.center_x} - double{crop.width} / 2;
  const double top = double{crop.center_y} - double{crop.height} / 2;
  const double scale_x = double{crop.width} / static_cast<double>(input.width);
  const double scale_y = double{crop.height} / static_cast<double>(input.height);
  std::vector<Keypoint> mapped;
  std::transform(keypoints.begin(), keypoints.end(), std::back_inserter(mapped),
                 [&](const InputKeypoint& point) {
                   return Keypoint{.x = static_cast<float>(point.x * scale_x + left),
                                   .y = static_cast<float>(point.y * scale_y + top),
                                   .score = point.score};
                 });
  return mapped;
}

}  // namespace sapiens
