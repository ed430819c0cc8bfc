#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sapiens/error.hpp"
#include "sapiens/reconstruct.hpp"
#include "sapiens/tasks.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"
#include "support/tensor_file.hpp"

namespace sapiens {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

TensorFile plain() { return TensorFile(Golden("sapiens2_names").file("plain.safetensors")); }
// timm's names, without the leftovers of that file.
TensorFile timm() {
  TensorFile file(Golden("sapiens2_names").file("timm_leftovers.safetensors"));
  return file.remove("head.weight").remove("head.bias").remove("rope.periods");
}

Inspection inspect(const TensorFile& file, const ModelOptions& options = {}) {
  const Scratch scratch;
  return Checkpoint::open(file.write(scratch / "model.safetensors")).inspect(options);
}

std::vector<std::string> rules_of(const Inspection& inspection) {
  std::vector<std::string> rules;
  for (const AppliedRule& rule : inspection.report.rules) rules.push_back(rule.rule);
  return rules;
}

// The tensors that a report names as absent, or of another shape.
std::vector<std::string> problems_of(const Inspection& inspection) {
  std::vector<std::string> keys;
  for (const auto& missing : inspection.report.missing) keys.push_back(missing.key);
  for (const auto& mismatch : inspection.report.mismatched) keys.push_back(mismatch.key);
  return keys;
}

std::string reason_of(const Inspection& inspection, const std::string& key) {
  for (const UnusedTensors& group : inspection.report.unused) {
    if (std::ranges::find(group.keys, key) != group.keys.end()) return group.reason;
  }
  return "";
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

// A file that must be refused, and what the report has to name.
struct Damage {
  const char* name;
  std::function<void(TensorFile&)> damage;
  std::vector<std::string> named;
};
void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }
class Sapiens2Damage : public testing::TestWithParam<Damage> {};

TEST_P(Sapiens2Damage, IsNamed) {
  TensorFile file = plain();
  GetParam().damage(file);
  const Inspection inspection = inspect(file);
  EXPECT_EQ(inspection.model.family, "sapiens2");
  EXPECT_EQ(inspection.report.verdict, Verdict::Incomplete);
  EXPECT_THAT(problems_of(inspection), testing::UnorderedElementsAreArray(GetParam().named));
  EXPECT_FALSE(inspection.report.hint.empty());
}

std::vector<std::string> with_bias(const std::string& layer) {
  return {layer + ".weight", layer + ".bias"};
}

INSTANTIATE_TEST_SUITE_P(
    All, Sapiens2Damage,
    testing::Values(
        Damage{"missing_one",
               [](TensorFile& file) { file.remove("blocks.1.ffn.w3.bias"); },
               {"blocks.1.ffn.w3.bias"}},
        Damage{"missing_gamma",
               [](TensorFile& file) { file.remove("blocks.0.attn.gamma.weight"); },
               {"blocks.0.attn.gamma.weight"}},
        Damage{"missing_registers",
               [](TensorFile& file) { file.remove("storage_tokens"); },
               {"storage_tokens"}},
        Damage{
            "keys_for_fewer_heads",
            [](TensorFile& file) {
              file.reshape("blocks.0.attn.wk.weight", {4, 8}).reshape("blocks.0.attn.wk.bias", {4});
            },
            with_bias("blocks.0.attn.wk")},
        Damage{"half_a_head",
               [](TensorFile& file) {
                 file.reshape("blocks.1.attn.wk.weight", {6, 8})
                     .reshape("blocks.1.attn.wk.bias", {6})
                     .reshape("blocks.1.attn.wv.weight", {4, 8});
               },
               with_bias("blocks.1.attn.wk")},
        Damage{"no_k_norm_of_that_length",
               [](TensorFile& file) { file.reshape("blocks.0.attn.k_norm.weight", {8}); },
               {"blocks.0.attn.k_norm.weight"}},
        Damage{"no_gate",
               [](TensorFile& file) {
                 file.reshape("blocks.0.ffn.w12.weight", {16, 8})
                     .reshape("blocks.0.ffn.w12.bias", {16});
               },
               with_bias("blocks.0.ffn.w12")},
        Damage{"transposed",
               [](TensorFile& file) {
                 file.reshape("blocks.0.ffn.w3.weight", {16, 8});
               },
               {"blocks.0.ffn.w3.weight"}}),
    [](const auto& damage) { return std::string(damage.param.name); });

TEST(Sapiens2Names, MoreHeadsOfKeysThanOfQueriesAreRefused) {
  TensorFile file = plain();
  for (const char* layer : {"wk", "wv"}) {
    file.reshape(std::string("blocks.0.attn.") + layer + ".weight", {16, 8})
        .reshape(std::string("blocks.0.attn.") + layer + ".bias", {16});
  }
  EXPECT_THAT(problems_of(inspect(file)), SizeIs(4));
}

// 4 heads, of which keys and values have 3, in every tensor: nothing contradicts it but the rule.
TEST(Sapiens2Names, HeadsOfKeysDivideThoseOfQueries) {
  TensorFile file = plain();
  for (const char* layer : {"wk", "wv"}) {
    for (const char* block : {"blocks.0.attn.", "blocks.1.attn."}) {
      file.reshape(std::string(block) + layer + ".weight", {12, 8})
          .reshape(std::string(block) + layer + ".bias", {12});
    }
  }
  EXPECT_EQ(inspect(file).report.verdict, Verdict::Incomplete);
}

// No length of heads that is no multiple of 4, or does not divide the width, can be rotated.
TEST(Sapiens2Names, HeadsThatCannotBeRotatedAreRefused) {
  for (const Index length : {2, 3, 6, 16}) {
    TensorFile file = plain();
    for (const char* norm : {"0.attn.q_norm", "0.attn.k_norm", "1.attn.q_norm", "1.attn.k_norm"})
      file.reshape(std::string("blocks.") + norm + ".weight", {length});
    EXPECT_THAT(problems_of(inspect(file)), Contains(HasSubstr("q_norm"))) << length;
  }
}

TEST(Sapiens2Names, AnAbsentBlockIsNamed) {
  TensorFile file = plain();
  file.remove([](std::string_view key) {
    return key.starts_with("blocks.1.") && !key.starts_with("blocks.1.ffn");
  });
  const Inspection inspection = inspect(file);
  EXPECT_EQ(inspection.report.verdict, Verdict::Incomplete);
  EXPECT_THAT(problems_of(inspection), Contains("blocks.1.attn.wq.weight"));
}

struct Foreign {
  const char* name;
  const char* part;
  const char* reason;
};
class Sapiens2Foreign : public testing::TestWithParam<Foreign> {};

TEST_P(Sapiens2Foreign, PartsAreNeverLeftOut) {
  const Inspection inspection = inspect(timm().add(GetParam().part, {8}));
  EXPECT_EQ(inspection.report.verdict, Verdict::Foreign);
  EXPECT_EQ(inspection.model.family, "sapiens2");
  EXPECT_THAT(inspection.report.explanation, HasSubstr(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    All, Sapiens2Foreign,
    testing::Values(Foreign{"gamma_2", "blocks.0.gamma_2", "layer scale on the feed-forward"},
                    Foreign{"norm_bias", "blocks.1.norm1.bias", "norms with a bias"},
                    Foreign{"final_norm_bias", "norm.bias", "norms with a bias"},
                    Foreign{"positions", "pos_embed", "table of positions"},
                    Foreign{"qkv", "blocks.0.attn.qkv.weight", "in one matrix"},
                    Foreign{"anything", "blocks.0.mystery.weight", "Sapiens2 does not have"}),
    [](const auto& foreign) { return std::string(foreign.param.name); });

// As DINOv3 has them: registers and layer scale, and no normalised queries.
TEST(Sapiens2Names, DinoIsAnotherNetwork) {
  TensorFile file = timm();
  file.remove([](std::string_view key) {
    return key.find("_proj.") != key.npos || key.find("q_norm") != key.npos ||
           key.find("k_norm") != key.npos;
  });
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    file.add(std::string(block) + "attn.qkv.weight", {24, 8})
        .add(std::string(block) + "attn.qkv.bias", {24})
        .add(std::string(block) + "gamma_2", {8});
  }
  EXPECT_EQ(inspect(file).report.verdict, Verdict::Foreign);
}

TEST(Sapiens2Names, AMixtureOfBothFamiliesIsRefusedWithTheReason) {
  const Inspection inspection = inspect(plain().add("layers.0.attn.qkv.weight", {24, 8}));
  EXPECT_EQ(inspection.report.verdict, Verdict::Foreign);
  EXPECT_THAT(inspection.report.explanation, HasSubstr("mixes parts of Sapiens and of Sapiens2"));
}

TEST(Sapiens2Names, BothFamiliesAtOnePlaceAreRefused) {
  const TensorFile first(Golden("names").file("plain_bf16.safetensors"));
  TensorFile both = plain();
  for (const TensorFile::Entry& entry : first.entries()) {
    const auto has = [&](const TensorFile::Entry& other) { return other.key == entry.key; };
    if (std::ranges::none_of(both.entries(), has)) both.add(entry.key, entry.shape);
  }
  const Inspection inspection = inspect(both);
  EXPECT_EQ(inspection.report.verdict, Verdict::Foreign);
  EXPECT_THAT(inspection.report.explanation, HasSubstr("mixes parts"));
}

TEST(Sapiens2Names, OneEncoderOfEachFamilyIsChosenByPrefix) {
  TensorFile both;
  both.add(plain(), "second.")
      .add(TensorFile(Golden("names").file("plain_bf16.safetensors")), "first.");
  const Inspection ambiguous = inspect(both);
  EXPECT_EQ(ambiguous.report.verdict, Verdict::Ambiguous);
  ASSERT_THAT(ambiguous.report.candidates, SizeIs(2));
  EXPECT_EQ(ambiguous.report.candidates[0].family, "sapiens");
  EXPECT_EQ(ambiguous.report.candidates[1].family, "sapiens2");
  EXPECT_EQ(inspect(both, {.prefix = "second"}).report.verdict, Verdict::Equivalent);
  EXPECT_EQ(inspect(both, {.prefix = "second"}).model.family, "sapiens2");
  EXPECT_EQ(inspect(both, {.prefix = "first"}).model.family, "sapiens");
}

class Sapiens2Task : public testing::Test {
 protected:
  TensorFile task_file() const {
    return TensorFile()
        .add(plain(), "backbone.")
        .add("decode_head.deconv_layers.0.weight", {8, 8, 4, 4})
        .add("decode_head.conv_seg.weight", {28, 8, 1, 1});
  }
  Scratch scratch_;
};

TEST_F(Sapiens2Task, ItsEncoderIsUsableAndTheHeadExplained) {
  const Inspection inspection = inspect(task_file());
  EXPECT_EQ(inspection.report.verdict, Verdict::Equivalent);
  EXPECT_EQ(inspection.model.outputs, 0);
  EXPECT_THAT(reason_of(inspection, "decode_head.conv_seg.weight"), HasSubstr("not supported"));
  EXPECT_THAT(inspection.report.notes,
              Contains(AllOf(HasSubstr("decode_head.*"), HasSubstr("licence"))));
  for (const UseVerdict& use : inspection.uses) {
    EXPECT_EQ(is_usable(use.verdict), use.use == Use::Features);
    if (use.use == Use::Seg) {
      EXPECT_THAT(use.reason, HasSubstr("licence"));
    }
  }
}

TEST_F(Sapiens2Task, TasksAreRefusedWithTheReason) {
  const std::string path = task_file().write(scratch_ / "task.pth");
  for (const auto task : {std::optional<Task>(), std::optional(Task::Seg)}) {
    try {
      TaskModel(Checkpoint::open(path), ModelOptions{.expected_task = task});
      FAIL() << "loaded a head";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
      EXPECT_THAT(error.what(), AllOf(HasSubstr("licence"), Not(HasSubstr("no head"))));
      EXPECT_THAT(error.detail().hint, HasSubstr("`sapiens features`"));
    }
  }
}

TEST_F(Sapiens2Task, ReconstructionIsRefusedWithTheReason) {
  const std::string path = task_file().write(scratch_ / "task.pth");
  try {
    Reconstructor(Checkpoint::open(path), {});
    FAIL() << "loaded a decoder";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
    EXPECT_THAT(error.what(), HasSubstr("decoder that Sapiens2 is pretrained with"));
  }
}

TEST(Sapiens2Options, ThoseThatMeanNothingAreRefused) {
  const auto option_of = [](const ModelOptions& options) -> std::string {
    try {
      inspect(plain(), options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      EXPECT_FALSE(error.detail().expected.empty()) << error.what();
      return error.detail().option;
    }
    return "none";
  };
  EXPECT_EQ(option_of({.heads = 4}), "heads");
  EXPECT_EQ(option_of({.heads = 2}), "none");
  EXPECT_EQ(option_of({.decoder_heads = 16}), "decoder_heads");
  EXPECT_EQ(option_of({.grid = Grid{64, 48}}), "grid");
  EXPECT_EQ(option_of({.patch_padding = 2}), "patch_padding");
  EXPECT_EQ(option_of({.patch_padding = 0}), "none");
  EXPECT_EQ(option_of({.input_size = Grid{64, 50}}), "input_size");
  EXPECT_EQ(option_of({.arch = "0.3b"}), "arch");
  EXPECT_EQ(option_of({.task = Task::Pose}), "task");
  EXPECT_EQ(option_of({.task = Task::Pretrain}), "none");
}

TEST(Sapiens2Options, ASizeOfSapiens2DoesNotApplyToSapiens) {
  const Golden golden("names");
  ModelOptions options = golden.options();
  options.arch = "sapiens2_0.4b";
  EXPECT_THROW(Checkpoint::open(golden.file("plain.pth")).inspect(options), Error);
}

TEST(Sapiens2Options, AnotherSizeIsNamed) {
  const Inspection inspection = inspect(plain(), {.arch = "sapiens2_0.4b"});
  EXPECT_EQ(inspection.report.verdict, Verdict::Incomplete);
  EXPECT_THAT(inspection.report.explanation, HasSubstr("you asked for 0.4B"));
}

}  // namespace
}  // namespace sapiens
