#include <gtest/gtest.h>

#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "support/error_code_of.hpp"

namespace sapiens {
namespace {

Image of_levels(Index height, Index width, std::uint8_t first) {
  Image image{.width = width,
              .height = height,
              .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(height * width * 3))};
  for (std::uint8_t& level : image.rgb) level = first++;
  return image;
}

TEST(DrawReconstruction, PutsMaskedReconstructionAndOriginalBesideEachOther) {
  const Reconstruction found{.original = of_levels(2, 1, 20),
                             .masked = of_levels(2, 1, 0),
                             .reconstruction = of_levels(2, 1, 10)};
  const Image drawing = draw_reconstruction(found);
  EXPECT_EQ(drawing.height, 2);
  EXPECT_EQ(drawing.width, 3);
  EXPECT_EQ(drawing.rgb, (std::vector<std::uint8_t>{0, 1, 2, 10, 11, 12, 20, 21, 22,  //
                                                    3, 4, 5, 13, 14, 15, 23, 24, 25}));
}

TEST(DrawReconstruction, RefusesImagesOfDifferentSizes) {
  Reconstruction found{.original = of_levels(2, 1, 20),
                       .masked = of_levels(1, 2, 0),
                       .reconstruction = of_levels(2, 1, 10)};
  EXPECT_EQ(error_code_of([&] { draw_reconstruction(found); }), ErrorCode::InvalidArgument);
  EXPECT_EQ(error_code_of([] { draw_reconstruction({}); }), ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace sapiens
