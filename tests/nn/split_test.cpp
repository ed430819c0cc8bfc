#include "nn/split.hpp"

#include <gtest/gtest.h>

namespace sapiens {
namespace {

void expect_cover(const Split& split, Index most) {
  Index next = 0;
  for (Index part = 0; part < split.parts; ++part) {
    const auto [first, count] = split.range(part);
    ASSERT_EQ(first, next);
    ASSERT_EQ(first % split.tile, 0);
    ASSERT_GT(count, 0);
    ASSERT_LE(count, most);
    next = first + count;
  }
  EXPECT_EQ(next, split.size);
}

TEST(Split, CoversEverySizeOnceInWholeTiles) {
  for (Index size = 0; size <= 700; ++size) {
    for (const Index threads : {1, 2, 3, 8, 64}) {
      expect_cover(even_split(size, 14, 112, threads), 112);
      expect_cover(split_into(size, 32, threads), size);
    }
  }
}

TEST(Split, LeavesNoThreadIdleInTheLastRound) {
  const Split split = even_split(4097, 14, 112, 2);
  EXPECT_EQ(split.parts, 38);
  for (Index part = 0; part < split.parts; ++part) EXPECT_GE(split.range(part).count, 98 - 14);
}

}  // namespace
}  // namespace sapiens
