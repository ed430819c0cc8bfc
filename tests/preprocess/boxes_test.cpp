#include "sapiens/boxes.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

const Image kImage = {.width = 40, .height = 30, .rgb = {}};

std::string refused(std::vector<Box> boxes, const Image& image = kImage) {
  try {
    expect_boxes_in(image, boxes);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    return error.detail().key;
  }
}

TEST(Boxes, AreOutsideWhereTheyShareNothingWithTheImage) {
  EXPECT_FALSE(is_outside({-5, -5, 6, 6}, kImage));
  EXPECT_FALSE(is_outside({39, 29, 50, 50}, kImage));
  EXPECT_FALSE(is_outside({-100, -100, 500, 500}, kImage));
  EXPECT_TRUE(is_outside({-5, 3, 5, 5}, kImage));
  EXPECT_TRUE(is_outside({3, -5, 5, 5}, kImage));
  EXPECT_TRUE(is_outside({40, 3, 5, 5}, kImage));
  EXPECT_TRUE(is_outside({3, 30, 5, 5}, kImage));
}

TEST(Boxes, BoxesOutsideTheImageAreRefusedByNumber) {
  EXPECT_EQ(refused({}), "");
  EXPECT_EQ(refused({{0, 0, 40, 30}, {-5, -5, 6, 6}}), "");
  EXPECT_EQ(refused({{0, 0, 40, 30}, {40, 0, 6, 6}}), "boxes[1]");
}

TEST(Boxes, RelativeBoxesAreRefusedWhereAllAreRelative) {
  EXPECT_TRUE(looks_normalized({0.2f, 0.1f, 0.5f, 0.9f}));
  EXPECT_FALSE(looks_normalized({0.2f, 0.1f, 2, 0.9f}));
  EXPECT_EQ(refused({{0.2f, 0.1f, 0.5f, 0.9f}}), "boxes[0]");
  EXPECT_EQ(refused({{0, 0, 1, 1}, {0.2f, 0.1f, 0.5f, 0.9f}}), "boxes[0]");
  EXPECT_EQ(refused({{0.2f, 0.1f, 0.5f, 0.7f}, {3, 4, 5, 6}}), "");
  EXPECT_EQ(refused({{0, 0, 1, 1}}, {.width = 1, .height = 1, .rgb = {}}), "");
}

}  // namespace
}  // namespace sapiens
