#include "model/params.hpp"

#include <gtest/gtest.h>

#include <set>

namespace sapiens {
namespace {

Index values(const std::vector<ParamSpec>& params) {
  Index total = 0;
  for (const ParamSpec& param : params) {
    Index size = 1;
    for (const Index extent : param.shape) size *= extent;
    total += size;
  }
  return total;
}

struct Published {
  const char* arch;
  Index tensors;   // with the class token
  Index pretrain;  // values, 4097 positions
  Index task;      // values, no class token, 3072 positions
};

class Params : public testing::TestWithParam<Published> {};

// The counts of the published files.
TEST_P(Params, AddUpToThePublishedModels) {
  const Arch& arch = parse_arch(GetParam().arch);
  EncoderConfig config{.width = arch.width,
                       .depth = arch.depth,
                       .heads = arch.heads,
                       .mlp_width = arch.mlp_width,
                       .cls_token = true,
                       .grid = {64, 64}};
  EXPECT_EQ(std::ssize(encoder_params(config)), GetParam().tensors);
  EXPECT_EQ(values(encoder_params(config)), GetParam().pretrain);
  config.cls_token = false;
  config.grid = {64, 48};
  EXPECT_EQ(std::ssize(encoder_params(config)), GetParam().tensors - 1);
  EXPECT_EQ(values(encoder_params(config)), GetParam().task);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Params,
                         testing::Values(Published{"0.3b", 294, 307'295'232, 306'244'608},
                                         Published{"0.6b", 390, 635'910'400, 634'597'120},
                                         Published{"1b", 486, 1'140'739'584, 1'139'163'648},
                                         Published{"2b", 582, 2'133'912'960, 2'131'943'040}));

struct PublishedSapiens2 {
  const char* arch;
  Index tensors, values;
};

class Sapiens2Params : public testing::TestWithParam<PublishedSapiens2> {};

// The counts of timm's models.
TEST_P(Sapiens2Params, AddUpToThePublishedModels) {
  const EncoderConfig config = published_encoder(parse_arch(GetParam().arch));
  EXPECT_EQ(std::ssize(encoder_params(config)), GetParam().tensors);
  EXPECT_EQ(values(encoder_params(config)), GetParam().values);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Sapiens2Params,
                         testing::Values(PublishedSapiens2{"sapiens2_0.1b", 209, 113'993'472},
                                         PublishedSapiens2{"sapiens2_0.4b", 413, 395'450'368},
                                         PublishedSapiens2{"sapiens2_0.8b", 549, 814'283'520},
                                         PublishedSapiens2{"sapiens2_1b", 685, 1'455'474'176},
                                         PublishedSapiens2{"sapiens2_5b", 957, 5'066'902'976}));

TEST(Params, TheDecoderHas104Tensors) {
  EXPECT_EQ(decoder_params(DecoderConfig{}, 1024).size(), 104u);
}

// Tensors and millions of values of the heads on the 0.3B encoder.
TEST(Params, HeadsAddUpToThePublishedOnes) {
  HeadConfig pose = published_head(Task::Pose, 1024);
  pose.outputs = 308;
  EXPECT_EQ(head_params(pose).size(), 8u);
  EXPECT_NEAR(static_cast<double>(values(head_params(pose))), 23.4e6, 0.05e6);
  const auto seg = head_params(published_head(Task::Seg, 1024));
  EXPECT_EQ(seg.size(), 11u);
  EXPECT_NEAR(static_cast<double>(values(seg)), 33.3e6, 0.05e6);
  const auto depth = head_params(published_head(Task::Depth, 1024));
  EXPECT_EQ(depth.size(), 10u);
  EXPECT_NEAR(static_cast<double>(values(depth)), 13.7e6, 0.05e6);
  EXPECT_EQ(head_params(published_head(Task::Normal, 1024)).size(), 11u);
}

TEST(Params, HaveDistinctNames) {
  std::set<std::string> names;
  const auto params = encoder_params({.width = 8, .depth = 12, .mlp_width = 32, .grid = {2, 2}});
  for (const ParamSpec& param : params) names.insert(param.key);
  EXPECT_EQ(names.size(), params.size());
}

}  // namespace
}  // namespace sapiens
