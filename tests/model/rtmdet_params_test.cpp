#include "model/rtmdet_params.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace sapiens {
namespace {

std::size_t place(const std::vector<ParamSpec>& params, const std::string& key) {
  return static_cast<std::size_t>(std::ranges::find(params, key, &ParamSpec::key) - params.begin());
}

std::vector<Index> shape(const std::vector<ParamSpec>& params, const std::string& key) {
  const std::size_t i = place(params, key);
  return i < params.size() ? params[i].shape : std::vector<Index>{-1};
}

// The counts of the published file.
TEST(RtmDetParams, AddUpToThePublishedModel) {
  EXPECT_EQ(rtmdet_layout(published_rtmdet_m()).size(), 692u);
  EXPECT_EQ(rtmdet_params(published_rtmdet_m()).size(), 580u);  // without 112 counters
  EXPECT_EQ(rtmdet_trained_values(published_rtmdet_m()), 24'663'447);
}

TEST(RtmDetParams, HaveDistinctNames) {
  std::set<std::string> names;
  for (const ParamSpec& param : rtmdet_layout(published_rtmdet_m())) names.insert(param.key);
  EXPECT_EQ(names.size(), 692u);
}

TEST(RtmDetParams, HaveTheShapesOfTheLayersTheyBelongTo) {
  const auto params = rtmdet_layout(published_rtmdet_m());
  using Shape = std::vector<Index>;
  EXPECT_EQ(shape(params, "backbone.stem.0.conv.weight"), (Shape{24, 3, 3, 3}));
  EXPECT_EQ(shape(params, "backbone.stage2.1.blocks.3.conv2.depthwise_conv.conv.weight"),
            (Shape{96, 1, 5, 5}));
  EXPECT_EQ(shape(params, "backbone.stage4.1.conv2.conv.weight"), (Shape{768, 1536, 1, 1}));
  EXPECT_EQ(shape(params, "backbone.stage4.2.attention.fc.weight"), (Shape{768, 768, 1, 1}));
  EXPECT_EQ(shape(params, "neck.top_down_blocks.1.main_conv.conv.weight"), (Shape{96, 384, 1, 1}));
  EXPECT_EQ(shape(params, "neck.out_convs.2.conv.weight"), (Shape{192, 768, 3, 3}));
  EXPECT_EQ(shape(params, "bbox_head.rtm_cls.2.weight"), (Shape{1, 192, 1, 1}));
  EXPECT_EQ(shape(params, "bbox_head.rtm_reg.0.bias"), (Shape{4}));
  EXPECT_EQ(shape(params, "backbone.stem.0.bn.num_batches_tracked"), Shape{});
}

// As PyTorch writes the modules of the published file; the golden file's order is checked in
// tests/engine.
TEST(RtmDetParams, StandInTheOrderOfTheFile) {
  const auto params = rtmdet_layout(published_rtmdet_m());
  EXPECT_EQ(params.front().key, "backbone.stem.0.conv.weight");
  EXPECT_EQ(params.back().key, "bbox_head.rtm_reg.2.bias");
  EXPECT_LT(place(params, "backbone.stage1.1.final_conv.conv.weight"),
            place(params, "backbone.stage1.1.blocks.0.conv1.conv.weight"));
  EXPECT_LT(place(params, "backbone.stage1.1.blocks.1.conv1.conv.weight"),
            place(params, "backbone.stage1.1.attention.fc.weight"));
}

}  // namespace
}  // namespace sapiens
