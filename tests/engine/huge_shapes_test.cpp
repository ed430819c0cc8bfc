// An expanded tensor has a stride of 0, so that its shape may be any, however small the file is.
// What is computed from shapes must hold for all that 63 bits hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/assess.hpp"
#include "sapiens/report.hpp"

namespace sapiens {
namespace {

constexpr Index kMaxLength = std::numeric_limits<Index>::max();

using Shapes = std::vector<std::pair<std::string, std::vector<Index>>>;

Inspection inspect(const Shapes& shapes) {
  StateDict dict;
  for (const auto& [key, shape] : shapes) {
    TensorEntry tensor;
    tensor.key = key;
    tensor.shape = shape;
    dict.tensors.push_back(tensor);
  }
  return std::make_shared<const Assessment>(dict, ModelOptions{})->inspection();
}

/// A model of width 8 with one block, whose `key` has another shape.
Shapes model_with(const std::string& key, const std::vector<Index>& shape) {
  Shapes shapes = {{"backbone.cls_token", {1, 1, 8}},
                   {"backbone.pos_embed", {1, 17, 8}},
                   {"backbone.patch_embed.projection.weight", {8, 3, 16, 16}},
                   {"backbone.patch_embed.projection.bias", {8}},
                   {"backbone.layers.0.ln1.weight", {8}},
                   {"backbone.layers.0.ffn.layers.0.0.bias", {32}},
                   {"backbone.ln1.weight", {8}}};
  std::erase_if(shapes, [&](const auto& entry) { return entry.first == key; });
  shapes.emplace_back(key, shape);
  return shapes;
}

TEST(HugeShapes, AreCountedUpToTheLargestNumber) {
  const Inspection inspection =
      inspect({{"a", {kMaxLength}}, {"b", {16000}}, {"c", {kMaxLength, 1}}});
  EXPECT_EQ(inspection.file.values, kMaxLength);
  EXPECT_THAT(inspection.text(), testing::HasSubstr("9,223,372,036,854,775,807 values"));
}

TEST(HugeShapes, OfAPositionTableAreNoGrid) {
  for (const Index length : {kMaxLength, kMaxLength - 1, Index{3037000500} * 3037000499}) {
    const Inspection inspection = inspect(model_with("backbone.pos_embed", {1, length, 1}));
    EXPECT_EQ(inspection.report.verdict, Verdict::Incomplete) << length;
    EXPECT_GE(inspection.model.grid.patches(), 0) << length;
    EXPECT_FALSE(inspection.text().empty());
  }
}

TEST(HugeShapes, OfQueryKeyAndValueDoNotFit) {
  const std::string block = "encoder.layer.0.";
  Shapes shapes = {{"embeddings.cls_token", {1, 1, 8}},
                   {"embeddings.position_embeddings", {1, 17, 8}},
                   {"embeddings.patch_embeddings.projection.weight", {8, 3, 16, 16}},
                   {"embeddings.patch_embeddings.projection.bias", {8}},
                   {block + "layernorm_before.weight", {8}},
                   {block + "attention.output.dense.bias", {8}},
                   {block + "intermediate.dense.bias", {32}}};
  for (const char* const part : {"query", "key", "value"}) {
    shapes.emplace_back(block + "attention.attention." + part + ".weight",
                        std::vector<Index>{kMaxLength / 2, 2});
    shapes.emplace_back(block + "attention.attention." + part + ".bias",
                        std::vector<Index>{kMaxLength});
  }
  const Inspection inspection = inspect(shapes);
  EXPECT_EQ(inspection.report.verdict, Verdict::Incomplete);
  EXPECT_EQ(inspection.model.width, 8);
  EXPECT_FALSE(inspection.report.mismatched.empty());
}

TEST(HugeShapes, OfAHeadGiveNoNegativeNumberOfParameters) {
  Shapes shapes = model_with("decode_head.conv_seg.weight", {kMaxLength, 1, 1, 1});
  shapes.emplace_back("decode_head.deconv_layers.0.weight",
                      std::vector<Index>{1, kMaxLength, 1, 1});
  shapes.emplace_back("decode_head.conv_layers.0.weight", std::vector<Index>{kMaxLength, 1, 1, 1});
  const Inspection inspection = inspect(shapes);
  EXPECT_FALSE(is_usable(inspection.report.verdict));
  EXPECT_GE(inspection.model.parameters, 0);
  EXPECT_EQ(inspection.file.values, kMaxLength);
}

}  // namespace
}  // namespace sapiens
