#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "support/sapiens2_files.hpp"

namespace sapiens::sapiens2 {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::SizeIs;

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

TEST(Sapiens2Damaged, MoreHeadsOfKeysThanOfQueriesAreRefused) {
  TensorFile file = plain();
  for (const char* layer : {"wk", "wv"}) {
    file.reshape(std::string("blocks.0.attn.") + layer + ".weight", {16, 8})
        .reshape(std::string("blocks.0.attn.") + layer + ".bias", {16});
  }
  EXPECT_THAT(problems_of(inspect(file)), SizeIs(4));
}

// 4 heads, of which keys and values have 3, in every tensor: nothing contradicts it but the rule.
TEST(Sapiens2Damaged, HeadsOfKeysDivideThoseOfQueries) {
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
TEST(Sapiens2Damaged, HeadsThatCannotBeRotatedAreRefused) {
  for (const Index length : {2, 3, 6, 16}) {
    TensorFile file = plain();
    for (const char* norm : {"0.attn.q_norm", "0.attn.k_norm", "1.attn.q_norm", "1.attn.k_norm"})
      file.reshape(std::string("blocks.") + norm + ".weight", {length});
    EXPECT_THAT(problems_of(inspect(file)), Contains(HasSubstr("q_norm"))) << length;
  }
}

TEST(Sapiens2Damaged, AnAbsentBlockIsNamed) {
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
                    Foreign{"scale_bias", "blocks.0.attn.gamma.bias", "bias beside layer scale"},
                    Foreign{"norm_bias", "blocks.1.norm1.bias", "norms with a bias"},
                    Foreign{"final_norm_bias", "norm.bias", "norms with a bias"},
                    Foreign{"positions", "pos_embed", "table of positions"},
                    Foreign{"learned_positions", "rope.freqs", "frequencies that were learned"},
                    Foreign{"qkv", "blocks.0.attn.qkv.weight", "in one matrix"},
                    Foreign{"anything", "blocks.0.mystery.weight", "Sapiens2 does not have"}),
    [](const auto& foreign) { return std::string(foreign.param.name); });

// As DINOv3 has them: registers and layer scale, and no normalised queries.
TEST(Sapiens2Damaged, DinoIsAnotherNetwork) {
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

TEST(Sapiens2Damaged, AMixtureOfBothFamiliesIsRefusedWithTheReason) {
  const Inspection inspection = inspect(plain().add("layers.0.attn.qkv.weight", {24, 8}));
  EXPECT_EQ(inspection.report.verdict, Verdict::Foreign);
  EXPECT_THAT(inspection.report.explanation, HasSubstr("mixes parts of Sapiens and of Sapiens2"));
}

TEST(Sapiens2Damaged, BothFamiliesAtOnePlaceAreRefused) {
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

// Of two tensors for one parameter neither is the right one, even if all others are consistent.
TEST(Sapiens2Damaged, AMixtureOfBothLayoutsIsRefusedWithTheReason) {
  for (const char* key :
       {"storage_tokens", "ln1.weight", "patch_embed.projection.weight", "blocks.0.ln1.weight",
        "blocks.1.attn.wk.bias", "blocks.0.attn.gamma.weight", "blocks.1.ffn.w12.weight"}) {
    const Inspection inspection = inspect(timm().add(key, {8}));
    EXPECT_EQ(inspection.report.verdict, Verdict::Foreign) << key;
    EXPECT_THAT(inspection.report.explanation, HasSubstr("published names of Sapiens2 with those"));
    EXPECT_THAT(reason_of(inspection, key), HasSubstr("other layout"));
  }
  for (const char* key : {"reg_token", "norm.weight", "blocks.0.gamma_1"}) {
    const Inspection inspection = inspect(plain().add(key, {8}));
    EXPECT_THAT(inspection.report.explanation, HasSubstr("published names of Sapiens2 with those"));
  }
}

// Every parameter is there, and the file is refused all the same: not because of a head.
TEST(Sapiens2Damaged, ASurplusBlockIsNoUnsupportedHead) {
  const Scratch scratch;
  TensorFile file = plain();
  file.add("blocks.999999.ln1.weight", {8});
  try {
    Encoder(Checkpoint::open(file.write(scratch / "model.pth")), {});
    FAIL() << "loaded a part of a model";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
    EXPECT_THAT(error.what(), HasSubstr("parts that the model has not"));
  }
}

TEST(Sapiens2Damaged, OneEncoderOfEachFamilyIsChosenByPrefix) {
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

// As any trained file may: it is complete, and must not be computed with.
TEST(Sapiens2Damaged, ANaNIsNamedBeforeAnythingIsComputed) {
  const Scratch scratch;
  TensorFile file = plain();
  file.reshape("blocks.1.attn.wk.weight", {4, 8});
  file.fill("blocks.1.attn.wk.weight", std::numeric_limits<float>::quiet_NaN());
  try {
    Encoder(Checkpoint::open(file.write(scratch / "nan.safetensors")), {}, exact());
    FAIL() << "computed with NaN";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
    EXPECT_THAT(error.what(), HasSubstr("blocks.1.attn.wk.weight"));
  }
}

}  // namespace
}  // namespace sapiens::sapiens2
