#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "sapiens/machine.hpp"
#include "support/error_code_of.hpp"
#include "support/expect_close.hpp"
#include "support/golden.hpp"

namespace sapiens {
namespace {

// The stored values are within 8e-6 of float64 ("noise" in case.json); ours are as close.
constexpr float kTolerance = 2e-5f;

// Nothing has to be told: heads and everything else follow from the tensors.
Encoder open_encoder(const Golden& golden, const std::string& isa = {}) {
  return Encoder(Checkpoint::open(golden.file(golden.facts()["checkpoint"])), {},
                 {.isa = isa, .precision = Precision::Fp32});
}

class Sapiens2 : public testing::TestWithParam<const char*> {};

TEST_P(Sapiens2, EveryOutTypeMatchesTimmAtEveryLevel) {
  const Golden golden(GetParam());
  const FloatArray input = golden.array("input");
  for (const std::string& isa : kernel_levels()) {
    SCOPED_TRACE(isa);
    Encoder encoder = open_encoder(golden, isa);
    const auto compare = [&](OutType type, const char* name) {
      SCOPED_TRACE(name);
      const FloatArray expected = golden.array(name);
      const FloatArray actual =
          encoder.run(input.view<4>(), {.out_types = {type}}).layers[0].values;
      EXPECT_EQ(actual.shape, expected.shape);
      EXPECT_TRUE(close(actual.values, expected.values, {.absolute = kTolerance}));
    };
    compare(OutType::Raw, "raw");
    compare(OutType::Featmap, "featmap");
    compare(OutType::ClsToken, "cls_token");
    compare(OutType::AvgFeatmap, "avg_featmap");
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Sapiens2,
                         testing::Values("sapiens2_sq128", "sapiens2_rect_128x96",
                                         "sapiens2_rect_80x112", "sapiens2_batch2",
                                         "sapiens2_depth18", "sapiens2_mha12", "sapiens2_head64",
                                         "sapiens2_head76", "sapiens2_head80", "sapiens2_eps"),
                         [](const auto& name) { return std::string(name.param); });

TEST(Sapiens2Encoder, MatchesTimmAfterEveryBlock) {
  const Golden golden("sapiens2_sq128");
  Encoder encoder = open_encoder(golden);
  const FloatArray input = golden.array("input");
  const auto layers =
      encoder.run(input.view<4>(), {.out_types = {OutType::Raw}, .layers = {0, 1, -1}}).layers;
  ASSERT_EQ(layers.size(), 3u);
  const auto matches = [&](const LayerFeatures& layer, const char* name) {
    return close(layer.values.values, golden.array(name).values, {.absolute = kTolerance});
  };
  EXPECT_TRUE(matches(layers[0], "after_block0"));
  EXPECT_TRUE(matches(layers[1], "after_block1"));
  EXPECT_TRUE(matches(layers[2], "raw"));  // the last block and only the last one is normalised
  const auto normed =
      encoder
          .run(input.view<4>(), {.out_types = {OutType::Raw}, .layers = {1}, .norm_layers = true})
          .layers;
  EXPECT_TRUE(matches(normed[0], "after_block1_norm"));
}

TEST(Sapiens2Encoder, TakesAnyMultipleOfSixteen) {
  const Golden golden("sapiens2_any_size");
  Encoder encoder = open_encoder(golden);
  for (const auto& size : golden.facts()["sizes"]) {
    const std::string name =
        std::to_string(size[0].get<int>()) + "x" + std::to_string(size[1].get<int>());
    SCOPED_TRACE(name);
    const FloatArray input = golden.array("input_" + name);
    const FloatArray raw =
        encoder.run(input.view<4>(), {.out_types = {OutType::Raw}}).layers.at(0).values;
    const FloatArray expected = golden.array("raw_" + name);
    EXPECT_EQ(raw.shape, expected.shape);
    EXPECT_TRUE(close(raw.values, expected.values, {.absolute = kTolerance}));
  }
}

TEST(Sapiens2Encoder, RefusesSizesThatDoNotDivideIntoPatches) {
  const Golden golden("sapiens2_any_size");
  Encoder encoder = open_encoder(golden);
  for (const auto& size : golden.facts()["must_be_refused"]) {
    const Index height = size[0], width = size[1];
    const std::vector<float> pixels(static_cast<std::size_t>(3 * height * width));
    EXPECT_EQ(error_code_of([&] {
                encoder.run(TensorView<const float, 4>(pixels.data(), {1, 3, height, width}));
              }),
              ErrorCode::ShapeMismatch);
  }
}

TEST(Sapiens2Encoder, FeaturesDoNotDependOnThreadsOrOnTheOtherImagesOfABatch) {
  const Golden golden("sapiens2_batch2");
  const FloatArray input = golden.array("input");
  const Checkpoint checkpoint = Checkpoint::open(golden.file(golden.facts()["checkpoint"]));
  const auto raw = [&](Encoder& encoder, TensorView<const float, 4> images) {
    return encoder.run(images, {.out_types = {OutType::Raw}}).layers.at(0).values.values;
  };
  for (const Precision precision : {Precision::Fp32, Precision::Bf16, Precision::Int8}) {
    SCOPED_TRACE(precision_name(precision));
    Encoder one(checkpoint, {}, {.threads = 1, .precision = precision});
    Encoder three(checkpoint, {}, {.threads = 3, .precision = precision});
    const std::vector<float> both = raw(one, input.view<4>());
    EXPECT_EQ(both, raw(three, input.view<4>()));
    const auto& shape = input.shape;
    const TensorView<const float, 4> first(input.values.data(), {1, shape[1], shape[2], shape[3]});
    const std::vector<float> alone = raw(one, first);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), both.begin()));
  }
}

}  // namespace
}  // namespace sapiens
