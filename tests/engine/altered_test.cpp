#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "checkpoint/write.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A tiny encoder whose parameters other tensors change, as adapters and quantisers store it.
class Altered : public testing::Test {
 protected:
  Altered() {
    synthesize_checkpoint(scratch_ / "plain.safetensors", {.arch = "tiny", .task = Task::Backbone});
    plain_ = open_checkpoint(scratch_ / "plain.safetensors");
  }

  using Renamed = std::vector<std::pair<std::string, std::string>>;
  // The encoder, with the tensors of `changed` called otherwise and those of `added` beside it.
  Inspection inspect(const Renamed& changed, const std::vector<std::string>& added) {
    std::vector<TensorSource> sources;
    for (const TensorEntry& tensor : plain_.tensors) {
      std::string name = tensor.path();
      for (const auto& [from, to] : changed) {
        if (name.ends_with(from)) name = name.substr(0, name.size() - from.size()) + to;
      }
      sources.push_back(source(name, tensor.shape));
    }
    for (const std::string& name : added) sources.push_back(source(name, {4, 4}));
    write_safetensors(scratch_ / "out.safetensors", sources, {{"sapiens.heads", "6"}});
    return Checkpoint::open(scratch_ / "out.safetensors").inspect();
  }
  static TensorSource source(const std::string& name, const std::vector<Index>& shape,
                             DType dtype = DType::F32) {
    return {
        .key = name, .dtype = dtype, .shape = shape, .read = [](Index, std::span<std::byte> out) {
          std::ranges::fill(out, std::byte{0});
        }};
  }
  void expect_refused(const Inspection& inspection, const std::string& meaning,
                      const std::string& remedy) {
    EXPECT_EQ(inspection.report.verdict, Verdict::Incomplete);
    EXPECT_FALSE(inspection.report.altered.empty());
    EXPECT_THAT(inspection.report.explanation, HasSubstr(meaning));
    EXPECT_THAT(inspection.report.hint, HasSubstr(remedy));
    try {
      Encoder(Checkpoint::open(scratch_ / "out.safetensors"), {}, exact());
      FAIL() << "computed without " << meaning;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
      EXPECT_THAT(error.what(), AllOf(HasSubstr("altered"), HasSubstr(remedy)));
    }
  }

  Scratch scratch_;
  StateDict plain_;
};

TEST_F(Altered, LoraBesideTheWeightIsRefused) {
  const Inspection inspection =
      inspect({}, {"layers.0.attn.qkv.lora_A", "layers.0.attn.qkv.lora_B"});
  expect_refused(inspection, "LoRA", "merge_and_unload");
  ASSERT_EQ(inspection.report.unused.size(), 1u);
  EXPECT_THAT(inspection.report.unused[0].reason, HasSubstr("changes parameters"));
}

TEST_F(Altered, LoraAsPeftStoresItIsRefused) {
  expect_refused(inspect({{"attn.qkv.weight", "attn.qkv.base_layer.weight"},
                          {"attn.qkv.bias", "attn.qkv.base_layer.bias"}},
                         {"layers.0.attn.qkv.lora_A.default.weight",
                          "layers.0.attn.qkv.lora_B.default.weight"}),
                 "LoRA", "merge_and_unload");
}

TEST_F(Altered, TheTensorThatChangesOneBlockIsNamedInFull) {
  EXPECT_THAT(inspect({}, {"layers.0.attn.qkv.lora_A"}).text(),
              HasSubstr("by layers.0.attn.qkv.lora_A: "));
  EXPECT_THAT(inspect({}, {"layers.0.attn.qkv.lora_A", "layers.1.attn.qkv.lora_A"}).text(),
              HasSubstr("by layers.*.attn.qkv.lora_A: "));
}

TEST_F(Altered, AnAdapterInItsOwnDictionaryIsRefused) {
  expect_refused(inspect({}, {"lora.base_model.model.layers.1.attn.proj.lora_A.weight"}), "LoRA",
                 "merge");
}

TEST_F(Altered, OtherAdaptersAreRefused) {
  expect_refused(inspect({}, {"layers.0.ffn.layers.1.ia3_l.default"}), "IA3", "merge");
  expect_refused(inspect({}, {"layers.0.attn.qkv.lora_magnitude_vector.default.weight",
                              "layers.0.attn.qkv.lora_A.default.weight"}),
                 "DoRA", "merge");
}

TEST_F(Altered, ParametrizationsAreRefused) {
  expect_refused(inspect({{"patch_embed.projection.weight",
                           "patch_embed.projection.parametrizations.weight.original0"}},
                         {"patch_embed.projection.parametrizations.weight.original1"}),
                 "parametrization", "remove_parametrizations");
}

TEST_F(Altered, NormalisedAndPrunedWeightsAreRefused) {
  expect_refused(
      inspect({{"attn.proj.weight", "attn.proj.weight_v"}}, {"layers.0.attn.proj.weight_g"}),
      "weight normalisation", "remove_weight_norm");
  expect_refused(inspect({{"attn.proj.weight", "attn.proj.weight_orig"}},
                         {"layers.0.attn.proj.weight_u", "layers.0.attn.proj.weight_v"}),
                 "", "remove_spectral_norm");
  expect_refused(
      inspect({{"attn.proj.weight", "attn.proj.weight_orig"}}, {"layers.0.attn.proj.weight_mask"}),
      "pruning", "prune.remove");
}

TEST_F(Altered, ScalesOfQuantisedWeightsAreRefused) {
  for (const char* name :
       {"layers.0.attn.qkv.weight.absmax", "layers.0.attn.qkv.weight.quant_state.bitsandbytes__nf4",
        "layers.0.attn.qkv.qweight", "layers.0.attn.qkv.weight_fake_quant.scale"}) {
    SCOPED_TRACE(name);
    expect_refused(inspect({}, {name}), "quantised", "float16");
  }
}

TEST_F(Altered, IntegersAreNoWeights) {
  std::vector<TensorSource> sources;
  for (const TensorEntry& tensor : plain_.tensors) {
    const bool matrix = tensor.path().ends_with("qkv.weight");
    sources.push_back(source(tensor.path(), tensor.shape, matrix ? DType::I8 : DType::F32));
  }
  write_safetensors(scratch_ / "out.safetensors", sources, {{"sapiens.heads", "6"}});
  expect_refused(Checkpoint::open(scratch_ / "out.safetensors").inspect(), "integers", "float16");
}

TEST_F(Altered, IntegersAreNoBiasWhateverStandsBesideThem) {
  std::vector<TensorSource> sources;
  for (const TensorEntry& tensor : plain_.tensors) {
    const bool bias = tensor.path() == "layers.0.attn.qkv.bias";
    sources.push_back(source(tensor.path(), tensor.shape, bias ? DType::I8 : DType::F32));
  }
  sources.push_back(source("layers.0.attn.qkv.bias_scale", {1}, DType::F32));
  write_safetensors(scratch_ / "out.safetensors", sources, {{"sapiens.heads", "6"}});
  expect_refused(Checkpoint::open(scratch_ / "out.safetensors").inspect(), "integers", "float16");
}

TEST_F(Altered, AnAdapterOfSomethingElseIsHarmless) {
  const Inspection inspection = inspect({}, {"text.proj.lora_A", "decode_head.conv.weight_g"});
  EXPECT_EQ(inspection.report.verdict, Verdict::Equivalent);
  EXPECT_THAT(inspection.report.altered, IsEmpty());
}

// DeepSpeed ZeRO-3: names without values.
TEST_F(Altered, PlaceholdersNameTheConverter) {
  for (const std::vector<Index>& shape : {std::vector<Index>{0}, std::vector<Index>{1}}) {
    for (const bool small_ones_whole : {false, true}) {
      std::vector<TensorSource> sources;
      for (const TensorEntry& tensor : plain_.tensors) {
        const bool whole = small_ones_whole && tensor.shape.size() == 1;
        sources.push_back(source("module." + tensor.path(), whole ? tensor.shape : shape));
      }
      write_safetensors(scratch_ / "out.safetensors", sources, {});
      for (const Index heads : {0, 6}) {
        const Inspection inspection =
            Checkpoint::open(scratch_ / "out.safetensors").inspect({.heads = heads});
        EXPECT_EQ(inspection.report.verdict, Verdict::Incomplete);
        EXPECT_THAT(inspection.report.explanation, HasSubstr("placeholders"));
        EXPECT_THAT(inspection.report.hint, HasSubstr("zero_to_fp32.py"));
      }
    }
  }
}

}  // namespace
}  // namespace sapiens
