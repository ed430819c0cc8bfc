#include "sapiens/pooling.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

FloatArray random_map(Index channels, Grid grid, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 1);
  FloatArray map{.shape = {channels, grid.height, grid.width}};
  map.values.resize(static_cast<std::size_t>(channels * grid.height * grid.width));
  for (float& value : map.values) value = normal(random);
  return map;
}

/// The values of a map in each of `factor` x `factor` points of every patch: means over patches
/// become means over points.
std::vector<double> points_of(const FloatArray& map, Index c, Index factor_y, Index factor_x) {
  const Index gh = map.shape[1], gw = map.shape[2];
  std::vector<double> points;
  for (Index y = 0; y < gh * factor_y; ++y) {
    for (Index x = 0; x < gw * factor_x; ++x) {
      points.push_back(static_cast<double>(map.view<3>()[c][y / factor_y][x / factor_x]));
    }
  }
  return points;
}

TEST(PoolMean, IsTheMeanOfEachChannel) {
  const FloatArray map{.shape = {2, 1, 2}, .values = {1, 3, -4, 8}};
  const FloatArray pooled = pool_mean(map.view<3>());
  EXPECT_THAT(pooled.shape, ElementsAre(2));
  EXPECT_THAT(pooled.values, ElementsAre(2.0f, 2.0f));
}

TEST(PoolGrid, CellsOfAnySizeAreMeansOverTheirArea) {
  for (const auto& [map_size, cells] : {std::pair<Grid, Grid>{{6, 4}, {3, 2}},
                                        {{5, 7}, {3, 4}},
                                        {{7, 5}, {7, 1}},
                                        {{3, 3}, {2, 3}}}) {
    const FloatArray map = random_map(3, map_size, 7);
    const FloatArray pooled = pool_grid(map.view<3>(), cells);
    ASSERT_THAT(pooled.shape, ElementsAre(3, cells.height, cells.width));
    for (Index c = 0; c < 3; ++c) {
      // As many points per patch as there are cells, and per cell as there are patches.
      const std::vector<double> points = points_of(map, c, cells.height, cells.width);
      for (Index row = 0; row < cells.height; ++row) {
        for (Index column = 0; column < cells.width; ++column) {
          double sum = 0;
          for (Index y = row * map_size.height; y < (row + 1) * map_size.height; ++y) {
            for (Index x = column * map_size.width; x < (column + 1) * map_size.width; ++x) {
              sum += points[static_cast<std::size_t>(y * map_size.width * cells.width + x)];
            }
          }
          const double mean = sum / static_cast<double>(map_size.height * map_size.width);
          EXPECT_NEAR(pooled.view<3>()[c][row][column], mean, 1e-6);
        }
      }
    }
  }
}

TEST(PoolGrid, RefusesMoreCellsThanPatches) {
  const FloatArray map = random_map(1, {2, 3}, 1);
  EXPECT_EQ(pool_grid(map.view<3>(), {2, 3}).values, map.values);
  EXPECT_THROW(pool_grid(map.view<3>(), {3, 3}), Error);
  EXPECT_THROW(pool_grid(map.view<3>(), {1, 0}), Error);
}

TEST(PoolMask, AFullMaskGivesTheMeanForAnyPaddingAndSize) {
  for (const PatchPlacement placement :
       {PatchPlacement{.image = {37, 91}, .input = {64, 48}},
        PatchPlacement{.image = {640, 480}, .input = {64, 48}, .padding = 2},
        PatchPlacement{.image = {50, 50}, .input = {40, 50}},  // incomplete patches
        PatchPlacement{.image = {1, 1}, .input = {32, 32}}}) {
    const auto patches = [&](Index size) {
      return placement.padding == 0 ? (size + 15) / 16 : (size + 4 - 16) / 16 + 1;
    };
    const FloatArray map =
        random_map(5, {patches(placement.input.height), patches(placement.input.width)}, 2);
    const std::vector<std::uint8_t> mask(
        static_cast<std::size_t>(placement.image.height * placement.image.width), 1);
    EXPECT_THAT(pool_mask(map.view<3>(), mask, placement).values,
                Pointwise(FloatNear(1e-6f), pool_mean(map.view<3>()).values));
    const Box all{.width = static_cast<float>(placement.image.width),
                  .height = static_cast<float>(placement.image.height)};
    const FloatArray boxed = pool_boxes(map.view<3>(), {&all, 1}, placement);
    EXPECT_THAT(boxed.shape, ElementsAre(1, 5));
    EXPECT_THAT(boxed.values, Pointwise(FloatNear(1e-6f), pool_mean(map.view<3>()).values));
  }
}

TEST(PoolMask, WeighsPatchesWithTheShareThatIsCovered) {
  // 2 x 2 patches on 4 x 6 pixels: each sees 2 x 3 of them.
  const FloatArray map{.shape = {1, 2, 2}, .values = {1, 10, 100, 1000}};
  const std::vector<std::uint8_t> mask = {1, 1, 0, 0, 0, 0,  //
                                          1, 0, 0, 0, 0, 0,  //
                                          0, 0, 0, 7, 0, 0,  //
                                          0, 0, 0, 0, 0, 0};
  const FloatArray pooled = pool_mask(map.view<3>(), mask, {.image = {4, 6}, .input = {32, 32}});
  EXPECT_NEAR(pooled.values[0], (3 * 1.0 + 1 * 1000.0) / 4, 1e-4);
}

TEST(PoolMask, RefusesAMaskThatCoversNothing) {
  const FloatArray map = random_map(1, {2, 2}, 1);
  const PatchPlacement placement{.image = {4, 4}, .input = {32, 32}};
  EXPECT_THROW(pool_mask(map.view<3>(), std::vector<std::uint8_t>(16), placement), Error);
  EXPECT_THROW(pool_mask(map.view<3>(), std::vector<std::uint8_t>(15, 1), placement), Error);
}

TEST(PoolBoxes, EqualMasksOfTheSamePixels) {
  const PatchPlacement placement{.image = {45, 70}, .input = {96, 64}, .padding = 2};
  const FloatArray map = random_map(4, {6, 4}, 3);
  const std::vector<Box> boxes = {{.x = 3, .y = 5, .width = 20, .height = 31},
                                  {.x = 60, .y = 40, .width = 40, .height = 2},  // reaches beyond
                                  {.x = -5, .y = -5, .width = 6, .height = 6}};
  const FloatArray pooled = pool_boxes(map.view<3>(), boxes, placement);
  ASSERT_THAT(pooled.shape, ElementsAre(3, 4));
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    std::vector<std::uint8_t> mask;
    for (int y = 0; y < 45; ++y) {
      for (int x = 0; x < 70; ++x) {
        const auto in = [](int at, float first, float length) {
          return static_cast<float>(at) >= first && static_cast<float>(at) < first + length;
        };
        mask.push_back(in(x, boxes[i].x, boxes[i].width) && in(y, boxes[i].y, boxes[i].height));
      }
    }
    const FloatArray masked = pool_mask(map.view<3>(), mask, placement);
    for (std::size_t c = 0; c < 4; ++c) {
      EXPECT_NEAR(pooled.values[i * 4 + c], masked.values[c], 1e-6) << "box " << i;
    }
  }
}

TEST(PoolBoxes, PartsOfPixelsCount) {
  const FloatArray map{.shape = {1, 1, 2}, .values = {0, 1}};
  const Box box{.x = 1.5f, .width = 2, .height = 1};
  const FloatArray pooled =
      pool_boxes(map.view<3>(), {&box, 1}, {.image = {1, 4}, .input = {16, 32}});
  EXPECT_FLOAT_EQ(pooled.values[0], 0.75f);
}

TEST(PoolBoxes, RefuseBoxesThatCoverNothing) {
  const FloatArray map = random_map(1, {2, 2}, 1);
  const PatchPlacement placement{.image = {32, 32}, .input = {32, 32}};
  for (const Box box : {Box{.x = 40, .width = 5, .height = 5}, Box{.width = 0, .height = 5}}) {
    EXPECT_THROW(pool_boxes(map.view<3>(), {&box, 1}, placement), Error);
  }
  EXPECT_THAT(pool_boxes(map.view<3>(), {}, placement).shape, ElementsAre(0, 1));
}

TEST(PoolBoxes, RefuseNumbersThatAreNotFinite) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float endless = std::numeric_limits<float>::infinity();
  const FloatArray map = random_map(1, {2, 2}, 1);
  const PatchPlacement placement{.image = {32, 32}, .input = {32, 32}};
  for (const Box box :
       {Box{.x = nan, .width = 5, .height = 5}, Box{.y = nan, .width = 5, .height = 5},
        Box{.width = nan, .height = 5}, Box{.width = 5, .height = nan},
        Box{.x = -endless, .width = endless, .height = 5}}) {
    EXPECT_THROW(pool_boxes(map.view<3>(), {&box, 1}, placement), Error);
  }
}

TEST(Pooling, ARefusalSaysWhatPatchesSee) {
  // 59 pixels and 2 of padding on each side are 3 patches, the last of which ends at 46.
  const FloatArray map = random_map(1, {2, 3}, 1);
  const PatchPlacement placement{.image = {32, 118}, .input = {32, 59}, .padding = 2};
  std::vector<std::uint8_t> mask(32 * 118);
  mask.back() = 1;
  const Box box{.x = 100, .width = 9, .height = 9};
  const auto text_of = [](auto pool) -> std::string {
    try {
      pool();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  for (const std::string& text : {text_of([&] {
                                    pool_boxes(map.view<3>(), {&box, 1}, placement);
                                  }),
                                  text_of([&] { pool_mask(map.view<3>(), mask, placement); })}) {
    EXPECT_THAT(text, HasSubstr("covers no patch of the image"));
    EXPECT_THAT(text, HasSubstr("within 92 x 30 (width x height)"));
  }
}

TEST(Pooling, RefusesSizesWhosePixelsCannotBeCounted) {
  constexpr Index kHuge = Index{1} << 32, kMax = std::numeric_limits<Index>::max();
  const FloatArray map = random_map(1, {2, 2}, 1);
  const Box box{.width = 5, .height = 5};
  EXPECT_THROW(pool_mask(map.view<3>(), {}, {.image = {kHuge, kHuge}, .input = {32, 32}}), Error);
  EXPECT_THROW(pool_boxes(map.view<3>(), {&box, 1}, {.image = {9, 9}, .input = {kMax, kMax}}),
               Error);
}

TEST(Pooling, RefusesAMapThatDoesNotBelongToThePlacement) {
  const FloatArray map = random_map(1, {2, 2}, 1);
  const Box box{.width = 5, .height = 5};
  EXPECT_THROW(pool_boxes(map.view<3>(), {&box, 1}, {.image = {9, 9}, .input = {48, 32}}), Error);
  EXPECT_THROW(pool_boxes(map.view<3>(), {&box, 1}, {.image = {9, 9}, .input = {8, 8}}), Error);
  EXPECT_THROW(pool_boxes(map.view<3>(), {&box, 1}, {.image = {0, 9}, .input = {32, 32}}), Error);
}

}  // namespace
}  // namespace sapiens
