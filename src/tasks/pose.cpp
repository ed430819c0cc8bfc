#include "tasks/pose.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "sapiens/error.hpp"
#include "tasks/heatmap_peak.hpp"

namespace sapiens {
namespace {

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
