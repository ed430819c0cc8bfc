#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sapiens/features.hpp"
#include "support/expect_close.hpp"
#include "support/sapiens2_files.hpp"

namespace sapiens::sapiens2 {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

FloatArray raw_of(const TensorFile& file) {
  const Scratch scratch;
  Encoder encoder(Checkpoint::open(file.write(scratch / "model.pth")), {}, exact());
  const FloatArray input = Golden("sapiens2_names").array("input");
  return encoder.run(input.view<4>(), {.out_types = {OutType::Raw}}).layers.at(0).values;
}

TEST(Sapiens2Names, ThePublishedNamesAreExact) {
  const Inspection inspection = inspect(plain());
  EXPECT_EQ(inspection.report.verdict, Verdict::Exact);
  EXPECT_THAT(inspection.report.rules, IsEmpty());
  EXPECT_EQ(inspection.report.bound, 17 * 2 + 5);
  EXPECT_FALSE(inspection.original_loads_nothing());
}

struct Prefix {
  const char* name;
  const char* prefix;
  std::vector<std::string> rules;
};
class Sapiens2Prefixes : public testing::TestWithParam<Prefix> {};

TEST_P(Sapiens2Prefixes, AreRemovedFromBothNamings) {
  const Inspection published = inspect(TensorFile().add(plain(), GetParam().prefix));
  EXPECT_EQ(published.report.verdict,
            GetParam().rules.empty() ? Verdict::Exact : Verdict::Equivalent);
  EXPECT_EQ(rules_of(published), GetParam().rules);
  const Inspection renamed = inspect(TensorFile().add(timm(), GetParam().prefix));
  EXPECT_EQ(renamed.report.verdict, Verdict::Equivalent);
  std::vector<std::string> rules = GetParam().rules;
  rules.emplace_back("rename from timm");
  EXPECT_EQ(rules_of(renamed), rules);
}

// Renaming is lossless: the features are those of timm, and equal, bit for bit.
TEST_P(Sapiens2Prefixes, DoNotChangeTheFeatures) {
  const std::vector<float> features = raw_of(plain()).values;
  EXPECT_TRUE(close(features, Golden("sapiens2_names").array("raw").values, {.absolute = 2e-5}));
  EXPECT_EQ(raw_of(TensorFile().add(plain(), GetParam().prefix)).values, features);
  EXPECT_EQ(raw_of(TensorFile().add(timm(), GetParam().prefix)).values, features);
}

INSTANTIATE_TEST_SUITE_P(
    All, Sapiens2Prefixes,
    testing::Values(Prefix{"none", "", {}}, Prefix{"dictionary", "state_dict.", {}},
                    Prefix{"backbone", "backbone.", {"remove prefix backbone."}},
                    Prefix{"module", "module.", {"remove prefix module."}},
                    Prefix{"model", "model.", {"remove prefix model."}},
                    Prefix{"compiled", "_orig_mod.", {"remove _orig_mod. from names"}},
                    Prefix{"stacked",
                           "state_dict.module.backbone.",
                           {"remove prefix module.", "remove prefix backbone."}}),
    [](const auto& prefix) { return std::string(prefix.param.name); });

TEST(Sapiens2Names, DictionariesOfTorchAreOpened) {
  const Golden golden("sapiens2_names");
  EXPECT_EQ(Checkpoint::open(golden.file("key_state_dict.pth")).inspect().report.verdict,
            Verdict::Equivalent);
}

TEST(Sapiens2Names, SixteenBitsAreWidened) {
  const TensorFile original = plain();
  TensorFile file;
  for (const TensorFile::Entry& entry : original.entries())
    file.add(entry.key, entry.shape, DType::BF16);
  EXPECT_THAT(rules_of(inspect(file)), ElementsAre("widen bf16 to f32"));
}

TEST(Sapiens2Names, SizesAreSeenInTheTensors) {
  const ModelInfo model = inspect(plain()).model;
  EXPECT_EQ(model.family, "sapiens2");
  EXPECT_EQ(model.arch, "custom");
  EXPECT_EQ(model.task, Task::Pretrain);
  EXPECT_EQ(model.width, 8);
  EXPECT_EQ(model.depth, 2);
  EXPECT_EQ(model.heads, 2);
  EXPECT_EQ(model.kv_heads, 1);
  EXPECT_EQ(model.mlp_width, 16);
  EXPECT_EQ(model.registers, 8);
  EXPECT_TRUE(model.cls_token);
  EXPECT_EQ(model.patch_padding, 0);
  EXPECT_EQ(model.grid, (Grid{64, 48}));
}

TEST(Sapiens2Names, TheReportCountsTokensInWords) {
  EXPECT_THAT(inspect(plain()).text(),
              AllOf(HasSubstr("3081 = 1 class token + 8 registers + 64x48 patches"),
                    HasSubstr("2 heads (1 of keys and values in some blocks)")));
  EXPECT_THAT(inspect(plain(), {.input_size = Grid{64, 48}}).text(),
              HasSubstr("21 = 1 class token + 8 registers + 4x3 patches"));
  const auto json = nlohmann::json::parse(inspect(plain()).json());
  EXPECT_EQ(json["model"]["kv_heads"], 1);
  EXPECT_EQ(json["model"]["registers"], 8);
}

TEST(Sapiens2Names, LeftoversAreExplained) {
  TensorFile file = plain();
  file.add("mask_token", {1, 8})
      .add("rope_embed.periods", {1}, DType::BF16)
      .add("blocks.1.attn.rope.periods", {1})
      .add("mystery.weight", {3});
  const Inspection inspection = inspect(file);
  EXPECT_EQ(inspection.report.verdict, Verdict::Exact);
  EXPECT_THAT(reason_of(inspection, "mask_token"), HasSubstr("pretraining"));
  EXPECT_THAT(reason_of(inspection, "rope_embed.periods"), HasSubstr("rotary"));
  EXPECT_THAT(reason_of(inspection, "blocks.1.attn.rope.periods"), HasSubstr("rotary"));
  EXPECT_THAT(reason_of(inspection, "mystery.weight"), HasSubstr("Sapiens2"));
  EXPECT_THAT(inspection.report.notes, Not(Contains(HasSubstr("task checkpoint"))));
}

TEST(Sapiens2Names, AClassifierOfTimmIsNoTaskHead) {
  const Inspection inspection =
      Checkpoint::open(Golden("sapiens2_names").file("timm_leftovers.safetensors")).inspect();
  EXPECT_EQ(inspection.report.verdict, Verdict::Equivalent);
  EXPECT_THAT(reason_of(inspection, "head.weight"), HasSubstr("classifier"));
  EXPECT_THAT(reason_of(inspection, "rope.periods"), HasSubstr("rotary"));
  EXPECT_THAT(inspection.report.notes, Not(Contains(HasSubstr("task checkpoint"))));
}

}  // namespace
}  // namespace sapiens::sapiens2
