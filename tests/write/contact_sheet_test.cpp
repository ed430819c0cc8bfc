#include <gtest/gtest.h>

#include <algorithm>

#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "support/error_code_of.hpp"
#include "write/images.hpp"

namespace sapiens {
namespace {

constexpr Index kRow = 32, kGap = 2;  // a 32nd of the row, and one more
constexpr Rgb kWhite = {255, 255, 255};

// The columns of the pixels of that grey in the row that begins at `y`.
std::pair<Index, Index> extent_of(const Image& sheet, Index y, std::uint8_t grey) {
  Index first = -1, last = -1;
  for (Index x = 0; x < sheet.width; ++x) {
    if (pixel(sheet, y, x) != Rgb{grey, grey, grey}) continue;
    if (first < 0) first = x;
    last = x;
  }
  return {first, last};
}

TEST(ContactSheet, ScalesImagesToTheHeightOfARow) {
  ContactSheet sheet({"a", "b"}, kRow);
  sheet.set(0, 0, grey_image(64, 128, 50));  // halved: 32 x 64
  sheet.set(0, 1, grey_image(16, 40, 100));  // doubled: 32 x 80
  sheet.set(1, 0, grey_image(32, 20, 150));  // as it is
  const Image drawn = sheet.draw();
  EXPECT_EQ(drawn.width, kGap + 64 + kGap + 80 + kGap);
  const Index rows = drawn.height - 2 * (kRow + kGap);  // where the first one begins
  EXPECT_GT(rows, 8) << "room for the titles";
  EXPECT_EQ(extent_of(drawn, rows, 50), std::pair(kGap, kGap + 63));
  EXPECT_EQ(extent_of(drawn, rows, 100), std::pair(2 * kGap + 64, 2 * kGap + 64 + 79));
  EXPECT_EQ(extent_of(drawn, rows + kRow + kGap, 150), std::pair(kGap, kGap + 19));
  EXPECT_EQ(pixel(drawn, rows + kRow - 1, kGap), (Rgb{50, 50, 50}));
  EXPECT_EQ(pixel(drawn, rows + kRow, kGap), kWhite);
}

TEST(ContactSheet, LeavesPlacesWithoutAnImageBlank) {
  ContactSheet sheet({"a", "b"}, kRow);
  sheet.set(1, 1, grey_image(32, 32, 50));
  const Image drawn = sheet.draw();
  const Index rows = drawn.height - 2 * (kRow + kGap);
  const auto first_row = drawn.rgb.begin() + rows * drawn.width * 3;
  EXPECT_TRUE(std::all_of(first_row, first_row + kRow * drawn.width * 3,
                          [](std::uint8_t level) { return level == 255; }));
}

TEST(ContactSheet, IsWideEnoughForLongTitles) {
  ContactSheet narrow({"a"}, kRow), wide({"a title of many letters"}, kRow);
  for (ContactSheet* sheet : {&narrow, &wide}) sheet->set(0, 0, grey_image(32, 8));
  EXPECT_GT(wide.draw().width, narrow.draw().width + 40);
  // Letters are dark.
  const Image drawn = wide.draw();
  EXPECT_LT(*std::min_element(drawn.rgb.begin(), drawn.rgb.begin() + drawn.width * 12 * 3), 90);
}

TEST(ContactSheet, RefusesWhatCannotBeDrawn) {
  const auto invalid = ErrorCode::InvalidArgument;
  EXPECT_EQ(error_code_of([] { ContactSheet({}, kRow); }), invalid);
  EXPECT_EQ(error_code_of([] { ContactSheet({"a"}, 2); }), invalid);
  ContactSheet sheet({"a"}, kRow);
  EXPECT_EQ(error_code_of([&] { sheet.set(0, 1, grey_image(4, 4)); }), invalid);
  EXPECT_EQ(error_code_of([&] { sheet.set(10'000, 0, grey_image(4, 4)); }), invalid);
  EXPECT_EQ(error_code_of([&] { sheet.set(-1, 0, grey_image(4, 4)); }), invalid);
  EXPECT_EQ(error_code_of([&] { sheet.set(0, 0, {}); }), invalid);
  EXPECT_EQ(error_code_of([&] { sheet.set(0, 0, grey_image(1, 1000)); }), invalid);
  ContactSheet large({"a"}, 4096);
  large.set(9999, 0, grey_image(32, 16));
  EXPECT_EQ(error_code_of([&] { large.draw(); }), ErrorCode::OutOfResources);
  ContactSheet full({"a", "b"}, 4096);
  full.set(0, 0, grey_image(1, 15));
  EXPECT_EQ(error_code_of([&] { full.set(0, 1, grey_image(1, 2)); }), ErrorCode::OutOfResources);
}

}  // namespace
}  // namespace sapiens
