#include "model/config.hpp"

#include <gtest/gtest.h>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

TEST(Arch, IsFoundUnderEveryAcceptedSpelling) {
  EXPECT_EQ(parse_arch("0.3b").width, 1024);
  EXPECT_EQ(parse_arch("sapiens_0.6B").heads, 16);
  EXPECT_EQ(parse_arch("1B").depth, 40);
  EXPECT_EQ(parse_arch("2b").mlp_width, 7680);
  EXPECT_EQ(parse_arch("sapiens2_0.4B").family, Family::Sapiens2);
  EXPECT_EQ(parse_arch("sapiens2_1b").kv_heads(20), 12);
  EXPECT_EQ(parse_arch("1b").family, Family::Sapiens);
  EXPECT_THROW(parse_arch("0.4b"), Error);  // which has no size of the first family
  EXPECT_THROW(parse_arch("4b"), Error);
  EXPECT_THROW(parse_arch(""), Error);
}

TEST(Arch, KeepsAllHeadsOfKeysInTheFirstAndTheLastEightBlocks) {
  const Arch& large = parse_arch("sapiens2_0.4b");
  EXPECT_EQ(large.kv_heads(7), 16);
  EXPECT_EQ(large.kv_heads(8), 8);
  EXPECT_EQ(large.kv_heads(15), 8);
  EXPECT_EQ(large.kv_heads(16), 16);
  const Arch& base = parse_arch("sapiens2_0.1b");
  for (Index i = 0; i < base.depth; ++i) EXPECT_EQ(base.kv_heads(i), base.heads);
}

TEST(Task, IsNamedAsInTheCommandLine) {
  for (const char* name : {"pretrain", "backbone", "pose", "seg", "depth", "normal"}) {
    EXPECT_EQ(task_name(parse_task(name)), name);
  }
  EXPECT_THROW(parse_task("Pose"), Error);
}

TEST(PatchGrid, PadsRightAndBottomWithoutPadding) {
  EXPECT_EQ(patch_grid({1024, 768}, 0), (Grid{64, 48}));
  EXPECT_EQ(patch_grid({120, 100}, 0), (Grid{8, 7}));
  EXPECT_EQ(patch_grid({1, 1}, 0), (Grid{1, 1}));
}

// (1024 + 4 - 16) / 16 + 1 = 64: the grid of the unpadded convolution, shifted by two pixels.
TEST(PatchGrid, CutsTheRemainderOffWithPaddingTwo) {
  EXPECT_EQ(patch_grid({1024, 768}, 2), (Grid{64, 48}));
  EXPECT_EQ(patch_grid({120, 100}, 2), (Grid{7, 6}));
}

// The configurations of the original: 2 for pose, normal, lip and cihp.
TEST(PatchPadding, FollowsTheTask) {
  EXPECT_EQ(default_patch_padding(Task::Pretrain, 0), 0);
  EXPECT_EQ(default_patch_padding(Task::Pose, 308), 2);
  EXPECT_EQ(default_patch_padding(Task::Normal, 3), 2);
  EXPECT_EQ(default_patch_padding(Task::Seg, 28), 0);
  EXPECT_EQ(default_patch_padding(Task::Seg, 20), 2);
  EXPECT_EQ(default_patch_padding(Task::Seg, 19), 0);
  EXPECT_EQ(default_patch_padding(Task::Depth, 1), 0);
}

}  // namespace
}  // namespace sapiens
