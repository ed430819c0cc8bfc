#include "reconcile/reconcile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "reconcile/materialize.hpp"

namespace sapiens {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Index kWidth = 4;
constexpr PositionPlan kSquare{
    .file_extra = 1, .model_extra = 1, .source = Grid{2, 2}, .target = {2, 2}};

std::vector<ParamSpec> wanted() {
  return {{"backbone.cls_token", {1, 1, kWidth}},
          {"backbone.pos_embed", {1, 5, kWidth}},
          {"backbone.patch_embed.projection.weight", {kWidth, 3, 16, 16}},
          {"backbone.layers.0.attn.qkv.weight", {3 * kWidth, kWidth}},
          {"backbone.ln1.weight", {kWidth}}};
}

// A file in memory; every tensor counts up from 100 times its place.
class FakeFile {
 public:
  FakeFile& add(const std::string& path, std::vector<Index> shape, DType dtype = DType::F32) {
    const auto numel = static_cast<std::size_t>(
        std::accumulate(shape.begin(), shape.end(), Index{1}, std::multiplies()));
    auto values = std::make_shared<std::vector<double>>(numel);  // room for any dtype
    auto* floats = reinterpret_cast<float*>(values->data());
    std::iota(floats, floats + numel, 100.0f * static_cast<float>(dict_.tensors.size()));
    std::vector<Index> strides(shape.size(), 1);
    for (std::size_t axis = shape.size(); axis-- > 1;)
      strides[axis - 1] = strides[axis] * shape[axis];
    dict_.tensors.push_back({.container = "",
                             .key = path,
                             .dtype = dtype,
                             .shape = std::move(shape),
                             .strides = std::move(strides),
                             .data = reinterpret_cast<const std::byte*>(floats),
                             .byte_swapped = false,
                             .location = ""});
    storage_.push_back(std::move(values));
    return *this;
  }

  // The file's own names for `wanted()`, each behind `prefix`.
  FakeFile& add_encoder(const std::string& prefix) {
    for (const ParamSpec& param : wanted()) add(prefix + param.key.substr(9), param.shape);
    return *this;
  }

  Plan plan(const PositionPlan& positions = kSquare,
            std::vector<ParamSpec> params = wanted()) const {
    const NameIndex index(dict_);
    const std::vector<EncoderNames> encoders = find_encoders(index);
    if (encoders.empty()) return {};
    return reconcile(dict_, index, encoders.front(), std::move(params), positions);
  }

  const StateDict& dict() const { return dict_; }

 private:
  StateDict dict_;
  std::vector<std::shared_ptr<std::vector<double>>> storage_;
};

std::vector<std::string> rules_of(const Report& report) {
  std::vector<std::string> rules;
  for (const AppliedRule& rule : report.rules) rules.push_back(rule.rule);
  return rules;
}

TEST(Reconcile, TheModelsOwnNamesNeedNoRule) {
  const Report report = FakeFile().add_encoder("backbone.").plan().report;
  EXPECT_EQ(report.verdict, Verdict::Exact);
  EXPECT_EQ(report.bound, 5);
  EXPECT_THAT(report.rules, IsEmpty());
}

TEST(Reconcile, TheUsualDictionaryIsNoRule) {
  EXPECT_EQ(FakeFile().add_encoder("state_dict.backbone.").plan().report.verdict, Verdict::Exact);
}

TEST(Reconcile, CleanedFilesGetTheirPrefixBack) {
  const Report report = FakeFile().add_encoder("").plan().report;
  EXPECT_EQ(report.verdict, Verdict::Equivalent);
  ASSERT_THAT(report.rules, SizeIs(1));
  EXPECT_EQ(report.rules[0].rule, "add prefix backbone.");
  EXPECT_EQ(report.rules[0].count, 5);
}

TEST(Reconcile, StackedPrefixesComeOffOneByOne) {
  const Report report = FakeFile().add_encoder("state_dict.module.teacher.backbone.").plan().report;
  EXPECT_EQ(report.verdict, Verdict::Equivalent);
  EXPECT_THAT(rules_of(report), ElementsAre("remove prefix module.", "remove prefix teacher."));
}

TEST(Reconcile, WrappersComeOffAnywhere) {
  FakeFile file;
  for (const ParamSpec& param : wanted()) {
    std::string name = param.key.substr(9);
    if (name.starts_with("layers.0.")) name = "layers.0._fsdp_wrapped_module." + name.substr(9);
    file.add("_fsdp_wrapped_module.backbone." + name, param.shape);
  }
  const Report report = file.plan().report;
  EXPECT_EQ(report.verdict, Verdict::Equivalent);
  EXPECT_THAT(rules_of(report), ElementsAre("remove _fsdp_wrapped_module. from names"));
}

TEST(Reconcile, JoinsSplitQueriesKeysAndValues) {
  FakeFile file;
  file.add("embeddings.cls_token", {1, 1, kWidth})
      .add("embeddings.position_embeddings", {1, 5, kWidth})
      .add("embeddings.patch_embeddings.projection.weight", {kWidth, 3, 16, 16})
      .add("encoder.layer.0.attention.attention.query.weight", {kWidth, kWidth})
      .add("encoder.layer.0.attention.attention.key.weight", {kWidth, kWidth})
      .add("encoder.layer.0.attention.attention.value.weight", {kWidth, kWidth})
      .add("layernorm.weight", {kWidth});
  const Plan plan = file.plan();
  EXPECT_EQ(plan.report.verdict, Verdict::Equivalent);
  ASSERT_TRUE(plan.bindings[3].bound());
  std::vector<float> joined(8);
  materialize(file.dict(), plan.bindings[3], 12, joined);  // the last row of q, the first of k
  EXPECT_THAT(joined, ElementsAre(312, 313, 314, 315, 400, 401, 402, 403));
}

TEST(Reconcile, NamesWhatIsMissingAsTheFileWouldSpellIt) {
  FakeFile file;
  for (const ParamSpec& param : wanted()) {
    if (param.key != "backbone.ln1.weight") file.add(param.key.substr(9), param.shape);
  }
  const Report report = file.plan().report;
  EXPECT_EQ(report.verdict, Verdict::Incomplete);
  ASSERT_THAT(report.missing, SizeIs(1));
  EXPECT_EQ(report.missing[0].key, "ln1.weight");
  EXPECT_THAT(report.missing[0].shape, ElementsAre(kWidth));
}

TEST(Reconcile, NeverReinterpretsATransposedWeight) {
  FakeFile file;
  for (const ParamSpec& param : wanted()) {
    std::vector<Index> shape = param.shape;
    if (shape.size() == 2) std::ranges::reverse(shape);
    file.add(param.key, shape);
  }
  const Report report = file.plan().report;
  EXPECT_EQ(report.verdict, Verdict::Incomplete);
  ASSERT_THAT(report.mismatched, SizeIs(1));
  EXPECT_THAT(report.mismatched[0].reason, HasSubstr("transposed"));
}

TEST(Reconcile, ResizedPositionsAreAdapted) {
  PositionPlan positions = kSquare;
  positions.target = {3, 2};
  const Report report = FakeFile().add_encoder("backbone.").plan(positions).report;
  EXPECT_EQ(report.verdict, Verdict::Adapted);
  EXPECT_THAT(rules_of(report), ElementsAre("resize pos_embed from 2x2 to 3x2"));
}

TEST(Reconcile, DroppingTheClassTokenIsLossless) {
  PositionPlan positions = kSquare;
  positions.model_extra = 0;
  std::vector<ParamSpec> params = wanted();
  params.erase(params.begin());
  params[0].shape[1] = 4;
  const FakeFile file = FakeFile().add_encoder("backbone.");
  const Plan plan = file.plan(positions, params);
  EXPECT_EQ(plan.report.verdict, Verdict::Equivalent);
  ASSERT_THAT(plan.report.unused, SizeIs(1));
  EXPECT_THAT(plan.report.unused[0].reason, HasSubstr("class token"));
  std::vector<float> table(16);
  materialize(file.dict(), plan.bindings[0], 0, table);
  EXPECT_EQ(table.front(), 104.0f);  // the class token's four values are gone
}

TEST(Reconcile, LeftoversAreGroupedByReason) {
  const Report report = FakeFile()
                            .add_encoder("backbone.")
                            .add("neck.mask_token", {1, 1, 8})
                            .add("neck.ln1.weight", {8})
                            .add("mystery.weight", {3})
                            .plan()
                            .report;
  EXPECT_EQ(report.verdict, Verdict::Exact);
  ASSERT_THAT(report.unused, SizeIs(2));
  EXPECT_THAT(report.unused[0].reason, HasSubstr("MAE decoder"));
  EXPECT_THAT(report.unused[0].keys, SizeIs(2));
  EXPECT_THAT(report.unused[1].keys, ElementsAre("mystery.weight"));
}

TEST(Reconcile, LayerScaleMeansAnotherModel) {
  const Plan plan =
      FakeFile().add_encoder("backbone.").add("backbone.layers.0.ls1.gamma", {kWidth}).plan();
  EXPECT_EQ(plan.report.verdict, Verdict::Foreign);
  EXPECT_THAT(plan.foreign_parts,
              ElementsAre(Field(&ForeignPart::meaning, HasSubstr("layer scale"))));
}

// Names of Sapiens2 in the encoder of Sapiens: whichever is computed, something would be left out.
TEST(Reconcile, AMixtureOfBothFamiliesIsNoModel) {
  const Plan plan = FakeFile()
                        .add_encoder("")
                        .add("blocks.1.attn.wq.weight", {kWidth, kWidth})
                        .add("blocks.1.ffn.w12.weight", {8 * kWidth, kWidth})
                        .plan();
  EXPECT_EQ(plan.report.verdict, Verdict::Foreign);
  EXPECT_THAT(plan.foreign_parts, SizeIs(2));
  EXPECT_THAT(plan.foreign_parts,
              Each(testing::Field(&ForeignPart::origin, ForeignPart::Origin::OtherFamily)));
}

// A parameter without ".weight" in one scheme, and with it in the other.
TEST(Reconcile, LayerScaleOfSapiens2HasTwoNames) {
  const auto paths = [](const NameScheme& scheme) {
    return file_paths({.root = "model.", .scheme = &scheme},
                      "backbone.blocks.17.attn.gamma.weight");
  };
  EXPECT_THAT(paths(timm_scheme(Family::Sapiens2)), ElementsAre("model.blocks.17.gamma_1"));
  const auto published = std::ranges::find(name_schemes(), Family::Sapiens2, &NameScheme::family);
  EXPECT_THAT(paths(*published), ElementsAre("model.blocks.17.attn.gamma.weight"));
}

TEST(Reconcile, ABlockTooManyIsNotDropped) {
  const Plan plan =
      FakeFile().add_encoder("backbone.").add("backbone.layers.1.ln1.weight", {kWidth}).plan();
  EXPECT_EQ(plan.report.verdict, Verdict::Incomplete);
}

TEST(Reconcile, WideningIsARuleAndRoundingAnAdaptation) {
  const auto file_of = [](DType dtype) {
    FakeFile file;
    for (const ParamSpec& param : wanted()) file.add(param.key, param.shape, dtype);
    return file.plan().report;
  };
  EXPECT_EQ(file_of(DType::BF16).verdict, Verdict::Equivalent);
  EXPECT_EQ(file_of(DType::F64).verdict, Verdict::Adapted);
}

TEST(Reconcile, TheFullestStartComesFirstAmongThousands) {
  FakeFile file;
  for (int i = 0; i < 2000; ++i) file.add("x" + std::to_string(i) + ".pos_embed", {1, 5, kWidth});
  file.add_encoder("y.");
  EXPECT_EQ(find_encoders(NameIndex(file.dict())).front().root, "y.");
}

TEST(Reconcile, TwoTensorsOfOneNameAreNotChosenFrom) {
  const Report report =
      FakeFile().add_encoder("backbone.").add("backbone.ln1.weight", {kWidth}).plan().report;
  EXPECT_EQ(report.verdict, Verdict::Incomplete);
  ASSERT_THAT(report.altered, SizeIs(1));
  EXPECT_THAT(report.altered[0].reason, HasSubstr("several tensors"));
}

}  // namespace
}  // namespace sapiens
