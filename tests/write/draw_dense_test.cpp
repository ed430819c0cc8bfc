#include <gtest/gtest.h>

#include <limits>

#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "support/nan.hpp"
#include "write/images.hpp"

namespace sapiens {
namespace {

constexpr Rgb kGrey = {100, 100, 100};

// Colours of the colour map INFERNO.
constexpr Rgb kNearest = {252, 255, 164};
constexpr Rgb kMaxDistance = {0, 0, 4};

Image draw_depths(const std::vector<float>& depths, const std::vector<std::uint8_t>& mask = {}) {
  const auto width = static_cast<Index>(depths.size());
  return draw_depth(grey_image(1, width), {depths.data(), {1, width}}, mask);
}

TEST(DrawDepth, ShowsTheNearBrightAndTheFarDark) {
  const Image drawing = draw_depths({0.2f, 0.7f, 0.4f});
  EXPECT_EQ(pixel(drawing, 0, 2), (Rgb{90, 90, 90}));
  EXPECT_EQ(pixel(drawing, 0, 3), kNearest);
  EXPECT_EQ(pixel(drawing, 0, 4), kMaxDistance);
}

TEST(DrawDepth, ScalesToWhatIsUnderTheMask) {
  const Image drawing = draw_depths({-9, 0.7f, 0.4f, 9}, {0, 1, 1, 0});
  EXPECT_EQ(pixel(drawing, 0, 4), kGrey);
  EXPECT_EQ(pixel(drawing, 0, 5), kMaxDistance);
  EXPECT_EQ(pixel(drawing, 0, 6), kNearest);
  EXPECT_EQ(pixel(drawing, 0, 7), kGrey);
}

TEST(DrawDepth, IsGreyWithoutForegroundAndWithoutNumbers) {
  EXPECT_EQ(pixel(draw_depths({1, 2}, {0, 0}), 0, 3), kGrey);
  const Image drawing = draw_depths({kNan, 1, 2});
  EXPECT_EQ(pixel(drawing, 0, 3), kGrey);
  EXPECT_EQ(pixel(drawing, 0, 4), kNearest);
  EXPECT_EQ(pixel(draw_depths({5, 5}), 0, 2), kNearest);  // all equally far
}

TEST(DrawDepth, DoesNotOverflowForTheLargestFloats) {
  const float most = std::numeric_limits<float>::max();
  const Image drawing = draw_depths({-most, most});
  EXPECT_EQ(pixel(drawing, 0, 2), kNearest);
  EXPECT_EQ(pixel(drawing, 0, 3), kMaxDistance);
}

/// Depths [size, size] that grow by `across` per column and by `down` per row.
std::vector<float> slope(Index size, float across, float down) {
  std::vector<float> depths;
  for (Index y = 0; y < size; ++y) {
    for (Index x = 0; x < size; ++x) {
      depths.push_back(across * static_cast<float>(x) + down * static_cast<float>(y));
    }
  }
  return depths;
}

Image draw_slope(Index size, float across, float down, std::vector<std::uint8_t> mask = {}) {
  const std::vector<float> depths = slope(size, across, down);
  return draw_depth(grey_image(size, size), {depths.data(), {size, size}}, mask);
}

// The nearness falls from 1 to 0 over 99 columns, by 1 / 99 per pixel. A 7x7 Sobel sum of a slope
// is 2048 times it: 64 of the smoothing times 2 (3 * 1 + 2 * 4 + 1 * 5) of the difference. So
// n = (2048 / 99, 0, -1) / 20.71, of which 127.5 (n + 1) is dropped to whole levels.
TEST(DrawDepth, ShowsTheNormalsOfASlopeInTheLastPanel) {
  const Image drawing = draw_slope(100, 1, 0);
  EXPECT_EQ(drawing.width, 300);
  EXPECT_EQ(pixel(drawing, 50, 250), (Rgb{254, 127, 121}));
  EXPECT_EQ(pixel(draw_slope(100, 0, 2), 50, 250), (Rgb{127, 254, 121}));
  EXPECT_EQ(pixel(draw_slope(100, -1, 0), 50, 250), (Rgb{0, 127, 121}));
}

// Strips of rows must not show: a border that is made up in the middle of an image would.
TEST(DrawDepth, NormalsOfASlopeAreTheSameInEveryRow) {
  const Image drawing = draw_slope(100, 0, 1);
  for (Index y = 3; y < 97; ++y) EXPECT_EQ(pixel(drawing, y, 250), (Rgb{127, 254, 121})) << y;
}

TEST(DrawDepth, NormalsLookStraightAtTheViewerWhereAllIsEquallyFar) {
  EXPECT_EQ(pixel(draw_slope(16, 0, 0), 8, 40), (Rgb{127, 127, 0}));
}

TEST(DrawDepth, NormalsAreBlackWhereTheirWindowLeavesTheMask) {
  std::vector<std::uint8_t> mask(100 * 100, 1);
  for (Index y = 0; y < 100; ++y) mask[static_cast<std::size_t>(y * 100 + 50)] = 0;
  const Image drawing = draw_slope(100, 1, 0, mask);
  EXPECT_EQ(pixel(drawing, 50, 150), kGrey);
  for (const Index x : {47, 50, 53}) EXPECT_EQ(pixel(drawing, 50, 200 + x), Rgb{}) << x;
  for (const Index x : {0, 46, 54, 99}) EXPECT_NE(pixel(drawing, 50, 200 + x), Rgb{}) << x;
}

TEST(DrawDepth, NormalsAreBlackAroundNonFiniteValues) {
  std::vector<float> depths = slope(20, 1, 0);
  depths[10 * 20 + 10] = kNan;
  const Image drawing = draw_depth(grey_image(20, 20), {depths.data(), {20, 20}});
  EXPECT_EQ(pixel(drawing, 7, 40 + 13), Rgb{});
  EXPECT_NE(pixel(drawing, 6, 40 + 13), Rgb{});
}

TEST(DrawDepth, BothPanelsAreGreyWithoutForeground) {
  const Image drawing = draw_slope(16, 1, 0, std::vector<std::uint8_t>(256, 0));
  EXPECT_EQ(pixel(drawing, 8, 24), kGrey);
  EXPECT_EQ(pixel(drawing, 8, 40), kGrey);
}

TEST(DrawDepth, ShowsThePanelsThatAreAskedFor) {
  const std::vector<float> depths = {0.2f, 0.7f};
  const auto width = [&](const DepthDrawing& drawing) {
    return draw_depth(grey_image(1, 2), {depths.data(), {1, 2}}, {}, drawing).width;
  };
  EXPECT_EQ(width({}), 6);
  EXPECT_EQ(width({.normals = false}), 4);
  EXPECT_EQ(width({.side_by_side = false}), 4);
  EXPECT_EQ(width({.normals = false, .side_by_side = false}), 2);
  const Image alone = draw_depth(grey_image(1, 2), {depths.data(), {1, 2}}, {},
                                 {.normals = false, .side_by_side = false});
  EXPECT_EQ(pixel(alone, 0, 0), kNearest);
  EXPECT_EQ(pixel(alone, 0, 1), kMaxDistance);
}

TEST(DrawDepth, RefusesAMaskOfAnotherSize) {
  EXPECT_THROW(draw_depths({1, 2}, {1}), Error);
  const std::vector<float> depths(4);
  EXPECT_THROW(draw_depth(grey_image(1, 4), {depths.data(), {2, 2}}), Error);
}

TEST(DrawNormals, AreColoursOutsideTheBackground) {
  const std::vector<float> normals = {1, -1, 0, 0, 0, 1, kNan, 7, -7};
  const Image drawing = draw_normals(grey_image(1, 3), {normals.data(), {1, 3, 3}},
                                     std::vector<std::uint8_t>{1, 0, 1});
  EXPECT_EQ(pixel(drawing, 0, 2), (Rgb{90, 90, 90}));
  EXPECT_EQ(pixel(drawing, 0, 3), (Rgb{255, 0, 127}));
  EXPECT_EQ(pixel(drawing, 0, 4), Rgb{});
  EXPECT_EQ(pixel(drawing, 0, 5), (Rgb{0, 255, 0}));
  EXPECT_THROW(draw_normals(grey_image(1, 3), {normals.data(), {1, 3, 2}}), Error);
}

TEST(DrawNormals, AreDrawnWithoutTheImageWhereItIsNotWanted) {
  const std::vector<float> normals = {1, -1, 0};
  const Image drawing =
      draw_normals(grey_image(1, 1), {normals.data(), {1, 1, 3}}, {}, {.side_by_side = false});
  EXPECT_EQ(drawing.width, 1);
  EXPECT_EQ(pixel(drawing, 0, 0), (Rgb{255, 0, 127}));
}

}  // namespace
}  // namespace sapiens
