#include "sapiens/features.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstring>

#include "model/config.hpp"
#include "sapiens/error.hpp"
#include "support/expect_close.hpp"
#include "support/golden.hpp"

namespace sapiens {
namespace {

// The stored values carry the original's own float32 rounding, up to 3.8e-6 ("noise" in case.json);
// ours is as large.
constexpr float kTolerance = 2e-5f;

FloatArray run(Encoder& encoder, const FloatArray& input, OutType out_type) {
  return encoder.run(input.view<4>(), {.out_types = {out_type}}).layers.at(0).values;
}

struct OutTypeName {
  OutType type;
  const char* name;
};
constexpr OutTypeName kOutTypes[] = {{OutType::Featmap, "featmap"},
                                     {OutType::Raw, "raw"},
                                     {OutType::ClsToken, "cls_token"},
                                     {OutType::AvgFeatmap, "avg_featmap"}};

class EncoderParity : public testing::TestWithParam<const char*> {};

TEST_P(EncoderParity, EveryOutTypeMatchesTheOriginal) {
  const Golden golden(GetParam());
  Encoder encoder(Checkpoint::open(golden.file(golden.facts()["checkpoint"])), golden.options(),
                  exact());
  const FloatArray input = golden.array("input");
  for (const auto& [type, name] : kOutTypes) {
    SCOPED_TRACE(name);
    const FloatArray expected = golden.array(name);
    const FloatArray actual = run(encoder, input, type);
    EXPECT_EQ(actual.shape, expected.shape);
    EXPECT_TRUE(close(actual.values, expected.values, {.absolute = kTolerance}));
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, EncoderParity,
                         testing::Values("encoder_sq128", "encoder_rect_128x96_pad2",
                                         "encoder_rect_80x112", "encoder_upsample",
                                         "encoder_batch2", "encoder_dynamic_input",
                                         "encoder_corner_padding", "encoder_ln_eps",
                                         "encoder_train_checkpoint"),
                         [](const auto& name) { return std::string(name.param); });

TEST(Encoder, MatchesTheOriginalAfterEveryBlock) {
  const Golden golden("encoder_sq128");
  Encoder encoder(Checkpoint::open(golden.file("encoder_clean.pth")), golden.options(), exact());
  const FloatArray input = golden.array("input");
  const auto layers =
      encoder
          .run(input.view<4>(),
               {.out_types = {OutType::Raw}, .layers = {0, 1, -1}, .norm_layers = false})
          .layers;
  ASSERT_EQ(layers.size(), 3u);
  for (Index i = 0; i < 2; ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(layers[static_cast<std::size_t>(i)].layer, i);
    EXPECT_TRUE(close(layers[static_cast<std::size_t>(i)].values.values,
                      golden.array("after_layer" + std::to_string(i)).values,
                      {.absolute = kTolerance}));
  }
  // As in the original, the last block and only the last one has passed through the final norm.
  EXPECT_TRUE(close(layers[2].values.values, golden.array("raw").values, {.absolute = kTolerance}));
}

TEST(Encoder, NormalisesIntermediateBlocksOnRequest) {
  const Golden golden("encoder_sq128");
  Encoder encoder(Checkpoint::open(golden.file("encoder_clean.pth")), golden.options(), exact());
  const FloatArray input = golden.array("input");
  const auto plain =
      encoder.run(input.view<4>(), {.out_types = {OutType::Raw}, .layers = {1}}).layers;
  const auto normed =
      encoder
          .run(input.view<4>(), {.out_types = {OutType::Raw}, .layers = {1}, .norm_layers = true})
          .layers;
  EXPECT_NE(plain[0].values.values, normed[0].values.values);
}

TEST(Encoder, ResizesThePositionTableForAConfiguredSize) {
  const Golden golden("encoder_posembed_resize_on_load");
  ModelOptions options = golden.options();
  options.input_size = Grid{128, 128};
  Encoder encoder(Checkpoint::open(golden.file("encoder_clean.pth")), options, exact());
  EXPECT_EQ(encoder.inspection().report.verdict, Verdict::Adapted);
  EXPECT_EQ(encoder.input_size(), (Grid{128, 128}));
  const FloatArray input = golden.array("input");
  EXPECT_TRUE(close(run(encoder, input, OutType::Raw).values, golden.array("raw").values,
                    {.absolute = kTolerance}));
}

TEST(Encoder, FineTuningGeometryMatchesTheOriginal) {
  const Golden shared(
      "backbone_nocls_from_clean");  // both cases start from the same file and image
  const FloatArray input = shared.array("input");
  for (const char* name : {"backbone_nocls_from_clean", "backbone_nocls_from_clean_pad2"}) {
    SCOPED_TRACE(name);
    const Golden golden(name);
    ModelOptions options = golden.options();
    options.task = Task::Backbone;
    Encoder encoder(Checkpoint::open(shared.file("encoder_clean.pth")), options, exact());
    EXPECT_EQ(encoder.input_size(), (Grid{128, 96}));  // 4:3 of a square grid, without being told
    const FloatArray actual = run(encoder, input, OutType::Featmap);
    const FloatArray expected = golden.array("featmap");
    EXPECT_EQ(actual.shape, expected.shape);
    EXPECT_TRUE(close(actual.values, expected.values, {.absolute = kTolerance}));
  }
}

struct TaskCheckpoint {
  const char* name;
  const char* file;
};
class TaskEncoder : public testing::TestWithParam<TaskCheckpoint> {};

// Fine-tuned files of users: grid and patch padding come from the task, only the heads have to be
// named.
TEST_P(TaskEncoder, GivesTheFeaturesInsideATaskModel) {
  const Golden golden(GetParam().name);
  Encoder encoder(Checkpoint::open(golden.file(GetParam().file)), {.heads = golden.options().heads},
                  exact());
  EXPECT_EQ(encoder.inspection().report.verdict, Verdict::Exact);
  EXPECT_EQ(encoder.input_size(), (Grid{128, 96}));
  const FloatArray expected = golden.array("featmap");  // of the first image
  const FloatArray actual = run(encoder, golden.array("input"), OutType::Featmap);
  ASSERT_GE(actual.values.size(), expected.values.size());
  EXPECT_TRUE(close(std::span(actual.values).first(expected.values.size()), expected.values,
                    {.absolute = kTolerance}));
}

INSTANTIATE_TEST_SUITE_P(Golden, TaskEncoder,
                         testing::Values(TaskCheckpoint{"pose_21_user", "pose.pth"},
                                         TaskCheckpoint{"seg_5_user", "seg.pth"}),
                         [](const auto& task) { return std::string(task.param.name); });

// One model as training, its cleaning tools and the lite export write it.
TEST(Encoder, EveryContainerOfOneModelGivesTheSameFeaturesBitForBit) {
  const Golden golden("encoder_train_checkpoint");
  const FloatArray input = golden.array("input");
  std::vector<float> first;
  for (const char* file :
       {"encoder.pth", "encoder_meta_state.pth", "encoder_clean.pth", "encoder_clean_legacy.pth"}) {
    SCOPED_TRACE(file);
    Encoder encoder(Checkpoint::open(golden.file(file)), golden.options(), exact());
    const FloatArray raw = run(encoder, input, OutType::Raw);
    if (first.empty()) first = raw.values;
    EXPECT_EQ(raw.values, first);
  }
}

TEST(Encoder, TorchScriptGivesTheFeaturesOfThePthBitForBit) {
  const Golden golden("torchscript_encoder");
  const FloatArray input = golden.array("input");
  Encoder scripted(Checkpoint::open(golden.file("encoder_torchscript.pt2")), golden.options(),
                   exact());
  Encoder plain(Checkpoint::open(golden.file("encoder_clean.pth")), golden.options(), exact());
  const FloatArray featmap = run(scripted, input, OutType::Featmap);
  EXPECT_EQ(featmap.values, run(plain, input, OutType::Featmap).values);
  EXPECT_TRUE(close(featmap.values, golden.array("featmap").values, {.absolute = kTolerance}));
}

TEST(Encoder, FeaturesDoNotDependOnThreads) {
  const Golden golden("encoder_sq128");
  const FloatArray input = golden.array("input");
  const Checkpoint checkpoint = Checkpoint::open(golden.file("encoder_clean.pth"));
  Encoder one(checkpoint, golden.options(), {.threads = 1, .precision = Precision::Fp32});
  Encoder three(checkpoint, golden.options(), {.threads = 3, .precision = Precision::Fp32});
  EXPECT_EQ(run(one, input, OutType::Raw).values, run(three, input, OutType::Raw).values);
}

TEST(FloatArray, IsSeenThroughAViewOfItsRank) {
  const FloatArray array{.shape = {2, 3}, .values = {0, 1, 2, 3, 4, 5}};
  EXPECT_EQ(array.view<2>()[1][2], 5.0f);
  EXPECT_THROW(array.view<3>(), Error);
}

TEST(Encoder, AsksForUnpublishedNumbersOfHeads) {
  const Golden golden("encoder_sq128");
  try {
    Encoder encoder(Checkpoint::open(golden.file("encoder_clean.pth")));
    FAIL() << "heads were guessed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_EQ(error.detail().option, "heads");
  }
}

TEST(Encoder, RefusesWhatItCannotCompute) {
  const Golden golden("encoder_sq128");
  Encoder encoder(Checkpoint::open(golden.file("encoder_clean.pth")), golden.options(), exact());
  const FloatArray input = golden.array("input");
  EXPECT_THROW(encoder.run(input.view<4>(), {.layers = {3}}), Error);
  const std::vector<float> small(3 * 8 * 8);
  EXPECT_THROW(encoder.run(TensorView<const float, 4>(small.data(), {1, 3, 8, 8})), Error);
  ModelOptions backbone = golden.options();
  backbone.task = Task::Backbone;
  Encoder without_cls(Checkpoint::open(golden.file("encoder_clean.pth")), backbone, exact());
  EXPECT_THROW(without_cls.run(input.view<4>(), {.out_types = {OutType::ClsToken}}), Error);
  EXPECT_THROW(without_cls.run(input.view<4>(), {.out_types = {}}), Error);
  EXPECT_THROW(without_cls.run(input.view<4>(), {.out_types = {OutType::Raw, OutType::Raw}}),
               Error);
}

TEST(Encoder, NamesTheOutTypesThatItHas) {
  const auto expected_by = [](const Encoder& encoder, OutType out_type) -> std::string {
    try {
      encoder.expect_out_types({&out_type, 1});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      EXPECT_EQ(error.detail().option, "out_type");
      EXPECT_EQ(error.detail().actual, out_type_name(out_type));
      return error.detail().expected;
    }
    return "";
  };
  const Golden golden("encoder_sq128");
  const auto checkpoint = Checkpoint::open(golden.file("encoder_clean.pth"));
  ModelOptions options = golden.options();
  const Encoder with_cls(checkpoint, options, exact());
  EXPECT_EQ(expected_by(with_cls, OutType::ClsToken), "");
  EXPECT_EQ(expected_by(with_cls, OutType::Registers), "featmap, raw, cls_token or avg_featmap");
  options.task = Task::Backbone;
  const Encoder without_cls(checkpoint, options, exact());
  EXPECT_EQ(expected_by(without_cls, OutType::ClsToken), "featmap, raw or avg_featmap");
}

// A table of positions is as large as features; 200 of them take 4 MB here, and 16 MB each in 0.3b.
TEST(Encoder, KeepsNoTableForEverySizeThatItSaw) {
  auto encoder = Encoder::random({.arch = "tiny"}, {.threads = 1});
  constexpr Index kMaxPatches = 200;
  const std::vector<float> pixels(3 * kPatch * kPatch * kMaxPatches);
  const auto run = [&](Index patches) {
    encoder.run({pixels.data(), {1, 3, kPatch, kPatch * patches}});
  };
  const auto allocated = [] {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  run(kMaxPatches);  // after which nothing else has to grow
  run(kMaxPatches - 1);
  const std::size_t before = allocated();
  for (Index patches = 1; patches < kMaxPatches; ++patches) run(patches);
  EXPECT_LT(allocated(), before + 1'000'000);
}

}  // namespace
}  // namespace sapiens
