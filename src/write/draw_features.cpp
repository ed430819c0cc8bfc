#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "core/shape.hpp"
#include "image/pixels.hpp"
#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "write/principal_components.hpp"

namespace sapiens {
namespace {

constexpr double kMaxSide = 1600;        // largest side of a panel; a 64 x 64 grid needs no more
constexpr double kColourShare = 0.62;    // share of the overlay; the rest is the grey image
constexpr std::uint8_t kNoColour = 128;  // used where features are constant or not finite
constexpr int kGap = 12;                 // white pixels between panels

// A component this much smaller than the first one is rounding noise.
constexpr float kNoise = 1e-4f;

struct Range {
  float low = 0;
  float high = 0;

  float width() const noexcept { return high - low; }
};

// The range from the 1st to the 99th percentile, so that a few extreme tokens do not compress all
// others.
Range robust_range(std::span<const float> values) {
  std::vector<float> sorted;
  std::copy_if(values.begin(), values.end(), std::back_inserter(sorted),
               [](float value) { return std::isfinite(value); });
  if (sorted.empty()) return {};
  std::sort(sorted.begin(), sorted.end());
  const std::size_t margin = sorted.size() / 100;
  return {sorted[margin], sorted[sorted.size() - 1 - margin]};
}

std::uint8_t to_colour(float value, const Range& range) {
  if (!std::isfinite(value) || range.width() <= 0) return kNoColour;
  const float share = (value - range.low) / range.width();
  return static_cast<std::uint8_t>(std::lround(std::clamp(share, 0.0f, 1.0f) * 255.0f));
}

Image colour_grid(TensorView<const float, 3> featmap, const StopCheck& check) {
  const Index tokens = featmap.extent(1) * featmap.extent(2);
  const std::vector<float> planes = principal_components(featmap, check);
  Image grid = make_image(featmap.extent(1), featmap.extent(2));
  float narrowest = 0;
  for (Index k = 0; k < kComponents; ++k) {
    const auto plane = std::span(planes).subspan(k * tokens, tokens);
    Range range = robust_range(plane);
    if (k == 0) narrowest = kNoise * range.width();
    if (range.width() < narrowest) range = {};
    for (Index n = 0; n < tokens; ++n) grid.rgb[n * 3 + k] = to_colour(plane[n], range);
  }
  return grid;
}

cv::Mat limited_size(const cv::Mat& image) {
  const double scale = kMaxSide / std::max(image.cols, image.rows);
  if (scale >= 1) return image;
  const cv::Size size(std::max(1, cvRound(image.cols * scale)),
                      std::max(1, cvRound(image.rows * scale)));
  cv::Mat limited;
  cv::resize(image, limited, size, 0, 0, cv::INTER_AREA);
  return limited;
}

cv::Mat overlay(const cv::Mat& image, const cv::Mat& grid) {
  cv::Mat colours, grey, blended;
  cv::resize(grid, colours, image.size(), 0, 0, cv::INTER_CUBIC);
  cv::cvtColor(image, grey, cv::COLOR_RGB2GRAY);
  cv::cvtColor(grey, grey, cv::COLOR_GRAY2RGB);
  cv::addWeighted(colours, kColourShare, grey, 1 - kColourShare, 0, blended);
  return blended;
}

}  // namespace

Image draw_features(const Image& image, TensorView<const float, 3> featmap,
                    const StopCheck& check) try {
  expect_pixels("the image to draw on", image);
  expect_image_bounds("the image to draw on", image);
  constexpr Index kMaxTokens = Index{1} << 24;
  const auto [channels, rows, columns] = featmap.extents();
  if (channels < 1 || rows < 1 || columns < 1 || rows > kMaxTokens / columns) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "the features cannot be drawn",
                                             .expected = "a feature map [C, gh, gw]",
                                             .actual = shape_text(featmap.extents())});
  }
  const Image grid = colour_grid(featmap, check);
  const cv::Mat left = limited_size(as_mat(image));
  if (check) check();
  const cv::Mat right = overlay(left, as_mat(grid));

  Image drawing = make_image(left.rows, 2 * left.cols + kGap);
  cv::Mat canvas = as_mat(drawing);
  canvas.setTo(cv::Scalar::all(255));
  left.copyTo(canvas.colRange(0, left.cols));
  right.copyTo(canvas.colRange(left.cols + kGap, canvas.cols));
  return drawing;
} catch (...) {
  rethrow_from_opencv();
}

}  // namespace sapiens
