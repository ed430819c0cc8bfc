#include "reconcile/positions.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "checkpoint/state_dict.hpp"
#include "support/golden.hpp"

namespace sapiens {
namespace {

std::vector<float> table_of(const Golden& golden) {
  const StateDict dict = open_checkpoint(golden.file("encoder_clean.pth"));
  for (const TensorEntry& tensor : dict.tensors) {
    if (tensor.key != "pos_embed") continue;
    std::vector<float> values(static_cast<std::size_t>(tensor.numel()));
    read_f32(tensor, 0, values);
    return values;
  }
  return {};
}

TEST(Positions, ShrinkToTheFineTuningGridBitForBitAsTheOriginal) {
  const Golden golden("backbone_nocls_from_clean");
  const std::vector<float> table = table_of(golden);
  const FloatArray expected = golden.array("pos_embed_resized");
  const Index C = expected.shape[2];
  std::vector<float> resized(expected.values.size());
  resize_positions({table.data() + C, {64, C}}, {8, 8}, {resized.data(), {48, C}}, {8, 6});
  EXPECT_EQ(resized, expected.values);
}

TEST(Positions, GrowBitForBitAsTheOriginal) {
  const Golden golden("encoder_posembed_resize_on_load");
  const std::vector<float> table = table_of(golden);
  const FloatArray expected = golden.array("pos_embed_resized");
  const Index C = expected.shape[2];
  std::vector<float> resized(expected.values.size());
  std::copy_n(table.begin(), C, resized.begin());  // the class token's row stays
  resize_positions({table.data() + C, {16, C}}, {4, 4}, {resized.data() + C, {64, C}}, {8, 8});
  EXPECT_EQ(resized, expected.values);
}

TEST(Positions, NonSquareSourcesKeepRowsAndColumnsApart) {
  // A table that depends on the row alone, 4x3, must still do so after growing to 8x6.
  constexpr Grid kSource{4, 3}, kTarget{8, 6};
  std::vector<float> table;
  for (Index row = 0; row < kSource.height; ++row) {
    for (Index column = 0; column < kSource.width; ++column)
      table.push_back(static_cast<float>(row * row));
  }
  std::vector<float> resized(static_cast<std::size_t>(kTarget.patches()));
  resize_positions({table.data(), {kSource.patches(), 1}}, kSource,
                   {resized.data(), {kTarget.patches(), 1}}, kTarget);
  for (Index row = 0; row < kTarget.height; ++row) {
    for (Index column = 1; column < kTarget.width; ++column) {
      const auto at = static_cast<std::size_t>(row * kTarget.width);
      // The weights of a row sum to 1 up to rounding: one or two units of the largest value, 9.
      EXPECT_NEAR(resized[at], resized[at + static_cast<std::size_t>(column)], 2e-6)
          << row << ", " << column;
    }
  }
}

}  // namespace
}  // namespace sapiens
