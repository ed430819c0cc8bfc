#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "write/images.hpp"
#include "write/seg_labels.hpp"

namespace sapiens {
namespace {

Segmentation background(Index height, Index width, Index classes) {
  return {.width = width,
          .height = height,
          .classes = classes,
          .ids = std::vector<std::uint8_t>(static_cast<std::size_t>(height * width))};
}

void fill(Segmentation& found, int id, Index top, Index left, Index height, Index width) {
  for (Index y = top; y < top + height; ++y) {
    std::fill_n(found.ids.begin() + y * found.width + left, width, static_cast<std::uint8_t>(id));
  }
}

bool contains(const Image& drawing, Rgb color, Index left, Index right) {
  for (Index y = 0; y < drawing.height; ++y) {
    for (Index x = left; x < right; ++x) {
      if (pixel(drawing, y, x) == color) return true;
    }
  }
  return false;
}

bool contains_brighter(const Image& drawing, std::uint8_t red, Index left, Index right) {
  for (Index y = 0; y < drawing.height; ++y) {
    for (Index x = left; x < right; ++x) {
      if (pixel(drawing, y, x).red > red) return true;
    }
  }
  return false;
}

constexpr Rgb kUpperClothing = {0, 128, 72};  // class 22 of 28
constexpr Rgb kUpperBlend = {45, 109, 81};    // half of it, half of the grey image

TEST(DrawSegmentation, BlendsTheColoursOfTheClassesBesideTheImage) {
  const SegClass classes[] = {{"Background", {50, 50, 50}}, {"Hand", {255, 0, 101}}};
  const SegClassSet set = {"two", classes};
  const Image drawing = draw_segmentation(
      grey_image(1, 2), {.width = 2, .height = 1, .classes = 2, .ids = {0, 1}}, &set);
  EXPECT_EQ(drawing.width, 4);
  EXPECT_EQ(drawing.height, 1);
  EXPECT_EQ(pixel(drawing, 0, 1), (Rgb{90, 90, 90}));
  EXPECT_EQ(pixel(drawing, 0, 2), (Rgb{70, 70, 70}));
  EXPECT_EQ(pixel(drawing, 0, 3), (Rgb{172, 45, 95}));  // truncated, as the original does
}

TEST(DrawSegmentation, GeneratesColoursForUnknownClasses) {
  const SegClass classes[] = {{"Background", {50, 50, 50}}};
  const SegClassSet too_short = {"one", classes};
  for (const SegClassSet* set : {static_cast<const SegClassSet*>(nullptr), &too_short}) {
    const Image drawing = draw_segmentation(
        grey_image(1, 3), {.width = 3, .height = 1, .classes = 255, .ids = {0, 1, 254}}, set);
    EXPECT_EQ(pixel(drawing, 0, 3), (Rgb{70, 70, 70}));
    EXPECT_NE(pixel(drawing, 0, 4), pixel(drawing, 0, 5));
  }
}

TEST(DrawSegmentation, RefusesWhatDoesNotFitTheImage) {
  EXPECT_THROW(draw_segmentation(grey_image(1, 2), {.width = 1, .height = 2, .ids = {0, 0}}),
               Error);
  EXPECT_THROW(draw_segmentation(grey_image(1, 2), {.width = 2, .height = 1, .ids = {}}), Error);
}

TEST(DrawSegmentation, FollowsTheOpacity) {
  const SegClass classes[] = {{"Background", {50, 50, 50}}, {"Hand", {255, 0, 101}}};
  const SegClassSet set = {"two", classes};
  const auto drawn = [&](float opacity) {
    return pixel(
        draw_segmentation(grey_image(1, 1), {.width = 1, .height = 1, .classes = 2, .ids = {1}},
                          &set, {.opacity = opacity, .side_by_side = false}),
        0, 0);
  };
  EXPECT_EQ(drawn(0), (Rgb{90, 90, 90}));
  EXPECT_EQ(drawn(1), (Rgb{255, 0, 101}));
  EXPECT_EQ(drawn(0.25f), (Rgb{131, 67, 92}));  // 131.25, 67.5, 92.75
  for (const float wrong : {-0.1f, 1.1f, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_THROW(drawn(wrong), Error);
  }
}

TEST(DrawSegmentation, NamesARegionInItsMiddle) {
  Segmentation found = background(300, 600, 28);
  fill(found, 22, 100, 200, 100, 200);
  const SegDrawing without = {.labels = false, .legend = false, .side_by_side = false};
  const Image plain = draw_segmentation(grey_image(300, 600), found, find_seg_classes(28), without);
  EXPECT_EQ(pixel(plain, 104, 300), kUpperBlend);
  const Image drawing = draw_segmentation(grey_image(300, 600), found, find_seg_classes(28),
                                          {.legend = false, .side_by_side = false});
  EXPECT_EQ(drawing.width, 600);
  // All rows are equally long; the first one has the label, which is opaque.
  EXPECT_TRUE(contains(drawing, kUpperClothing, 230, 370));
  // Its letters are of a pixel, so none of them is quite white.
  EXPECT_TRUE(contains_brighter(drawing, 150, 230, 370));
  EXPECT_EQ(pixel(drawing, 190, 300), kUpperBlend);
}

TEST(DrawSegmentation, LeavesRegionsThatALabelWouldHideWithoutOne) {
  Segmentation found = background(300, 600, 28);
  fill(found, 22, 100, 200, 10, 10);
  const Image drawing = draw_segmentation(grey_image(300, 600), found, find_seg_classes(28),
                                          {.legend = false, .side_by_side = false});
  EXPECT_FALSE(contains(drawing, kUpperClothing, 0, 600));
}

TEST(DrawSegmentation, ListsTheClassesThatOccurLargestFirst) {
  Segmentation found = background(300, 600, 28);
  fill(found, 22, 0, 0, 250, 600);
  fill(found, 3, 0, 0, 2, 2);
  const auto* set = find_seg_classes(28);
  const SegDrawing drawing = {.labels = false, .side_by_side = false};
  const Image drawn = draw_segmentation(grey_image(300, 600), found, set, drawing);
  ASSERT_GT(drawn.width, 600 + 100);
  std::vector<Rgb> swatches;
  for (Index y = 0; y < drawn.height; ++y) {
    const Rgb color = pixel(drawn, y, 600 + 14);
    const bool known =
        std::ranges::any_of(set->classes, [&](const SegClass& one) { return one.color == color; });
    if (known && (swatches.empty() || swatches.back() != color)) swatches.push_back(color);
  }
  const std::vector<Rgb> expected = {kUpperClothing, {50, 50, 50}, {255, 0, 109}};
  EXPECT_EQ(swatches, expected);

  fill(found, 7, 0, 0, 300, 600);
  EXPECT_EQ(draw_segmentation(grey_image(300, 600), found, set, drawing).width, drawn.width)
      << "images of one video differ in size";
}

TEST(DrawSegmentation, LeavesTheLegendOutBesideTinyImages) {
  const Segmentation found = background(48, 64, 28);
  const Image drawing = draw_segmentation(grey_image(48, 64), found, find_seg_classes(28));
  EXPECT_EQ(drawing.width, 128);
}

// More classes than lines: the last line says how many are left.
TEST(DrawSegmentation, ListsWhatItHasRoomForOf255Classes) {
  Segmentation found = background(200, 300, 255);
  for (std::size_t i = 0; i < found.ids.size(); ++i) {
    found.ids[i] = static_cast<std::uint8_t>(i % 255);
  }
  const Image drawing = draw_segmentation(grey_image(200, 300), found);
  EXPECT_GT(drawing.width, 600);
  EXPECT_EQ(drawing.height, 200);
}

TEST(DrawSegmentation, DrawsIdsBeyondTheNumberOfClasses) {
  Segmentation found = background(200, 300, 2);
  fill(found, 255, 50, 50, 100, 200);
  EXPECT_NO_THROW(draw_segmentation(grey_image(200, 300), found));
  const Segmentation none = background(200, 300, 0);
  EXPECT_NO_THROW(draw_segmentation(grey_image(200, 300), none));
}

TEST(ClassRows, CountWhatIsThere) {
  Segmentation found = background(4, 5, 28);
  fill(found, 3, 1, 1, 2, 2);
  fill(found, 3, 2, 4, 1, 1);
  fill(found, 9, 3, 0, 1, 5);
  const ClassRows rows(found);
  EXPECT_EQ(rows.count(3, 1), 2u);
  EXPECT_EQ(rows.count(3, 2), 3u);
  EXPECT_EQ(rows.count(0, 3), 0u);
  EXPECT_EQ(rows.area(3), 5);
  EXPECT_EQ(rows.longest(3), 2);
  EXPECT_EQ(rows.by_area(), (std::vector<int>{0, 3, 9}));
}

}  // namespace
}  // namespace sapiens
