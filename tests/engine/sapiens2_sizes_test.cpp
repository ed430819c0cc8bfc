#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "checkpoint/state_dict.hpp"
#include "core/shape.hpp"
#include "engine/assess.hpp"
#include "engine/random_weights.hpp"
#include "model/params.hpp"

namespace sapiens {
namespace {

using testing::Contains;
using testing::HasSubstr;

// The tensors of a published size under their published names, without values.
StateDict published(const std::string& arch) {
  StateDict dict;
  for (const ParamSpec& param : synth_model({.arch = arch}).params) {
    TensorEntry tensor;
    tensor.key = param.key.substr(std::string_view("backbone.").size());
    tensor.shape = param.shape;
    dict.tensors.push_back(std::move(tensor));
  }
  return dict;
}

TensorEntry& find(StateDict& dict, const std::string& key) {
  return *std::ranges::find(dict.tensors, key, &TensorEntry::key);
}

Inspection inspect(const StateDict& dict) {
  return std::make_shared<Assessment>(dict, ModelOptions())->inspection();
}

struct Size {
  const char* option;
  const char* arch;
  Index heads, kv_heads, values;
  const char* described;
};
class Sapiens2Published : public testing::TestWithParam<Size> {};

TEST_P(Sapiens2Published, SizesAreRecognised) {
  const Size& size = GetParam();
  const Inspection inspection = inspect(published(size.option));
  EXPECT_EQ(inspection.report.verdict, Verdict::Exact);
  EXPECT_EQ(inspection.model.arch, size.arch);
  EXPECT_EQ(inspection.model.heads, size.heads);
  EXPECT_EQ(inspection.model.kv_heads, size.kv_heads);
  EXPECT_EQ(inspection.model.parameters, size.values);
  EXPECT_THAT(inspection.text(), HasSubstr(size.described));
}

INSTANTIATE_TEST_SUITE_P(
    All, Sapiens2Published,
    testing::Values(Size{"sapiens2_0.1b", "0.1b", 12, 12, 113'993'472, "Sapiens2 0.1B encoder"},
                    Size{"sapiens2_0.4b", "0.4b", 16, 8, 395'450'368, "Sapiens2 0.4B encoder"},
                    Size{"sapiens2_0.8b", "0.8b", 16, 8, 814'283'520, "Sapiens2 0.8B encoder"},
                    Size{"sapiens2_1b", "1b", 24, 12, 1'455'474'176, "Sapiens2 1B encoder"},
                    Size{"sapiens2_5b", "5b", 32, 16, 5'066'902'976, "Sapiens2 5B encoder"}),
    [](const auto& size) {
      std::string name = size.param.arch;
      std::ranges::replace(name, '.', '_');
      return name;
    });

TEST(Sapiens2Published, AFileThatWasCutOffLacksItsLastBlocks) {
  StateDict dict = published("sapiens2_0.4b");
  std::erase_if(dict.tensors, [](const TensorEntry& tensor) {
    return tensor.key.starts_with("blocks.22.") || tensor.key.starts_with("blocks.23.");
  });
  const Inspection inspection = inspect(dict);
  EXPECT_EQ(inspection.report.verdict, Verdict::Incomplete);
  EXPECT_EQ(inspection.model.arch, "0.4b");
  EXPECT_THAT(inspection.report.explanation, HasSubstr("2 of 24 blocks"));
}

TEST(Sapiens2Published, OneBlockTooManyIsAModelOfItsOwn) {
  StateDict dict = published("sapiens2_0.4b");
  const std::size_t tensors = dict.tensors.size();
  for (std::size_t i = 0; i < tensors; ++i) {
    TensorEntry tensor = dict.tensors[i];
    if (!tensor.key.starts_with("blocks.23.")) continue;
    tensor.key.replace(0, 10, "blocks.24.");
    dict.tensors.push_back(std::move(tensor));
  }
  const Inspection inspection = inspect(dict);
  EXPECT_EQ(inspection.report.verdict, Verdict::Exact);
  EXPECT_EQ(inspection.model.arch, "custom");
  EXPECT_EQ(inspection.model.depth, 25);
}

// What the keys and values of a middle block say counts, not the published rule.
TEST(Sapiens2Published, HeadsOfKeysAreThoseOfEachBlock) {
  StateDict dict = published("sapiens2_0.4b");
  for (const char* layer : {"wk", "wv"}) {
    const std::string name = std::string("blocks.9.attn.") + layer;
    find(dict, name + ".weight").shape = {256, 1024};
    find(dict, name + ".bias").shape = {256};
  }
  const Inspection inspection = inspect(dict);
  EXPECT_EQ(inspection.report.verdict, Verdict::Exact);
  EXPECT_EQ(inspection.model.kv_heads, 4);
}

// One damaged tensor does not decide what the model is.
TEST(Sapiens2Published, ADamagedTensorIsTheOneThatIsNamed) {
  for (const auto& [key, shape] :
       {std::pair<std::string, std::vector<Index>>{"blocks.0.attn.q_norm.weight", {32}},
        {"patch_embed.projection.bias", {768}},
        {"blocks.0.ffn.w3.weight", {1024, 2048}},
        {"storage_tokens", {1, 8, 768}},
        {"blocks.12.attn.wv.weight", {1024, 1024}}}) {
    StateDict dict = published("sapiens2_0.4b");
    find(dict, key).shape = shape;
    const Inspection inspection = inspect(dict);
    EXPECT_EQ(inspection.model.arch, "0.4b");
    ASSERT_EQ(inspection.report.mismatched.size(), 1u) << key;
    EXPECT_EQ(inspection.report.mismatched[0].key, key);
  }
}

}  // namespace
}  // namespace sapiens
