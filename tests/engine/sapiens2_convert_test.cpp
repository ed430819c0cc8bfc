#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "engine/random_weights.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "support/expect_close.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"
#include "support/tensor_file.hpp"

namespace sapiens {
namespace {

using testing::Contains;
using testing::Each;
using testing::Ge;
using testing::IsSupersetOf;
using testing::Le;

std::vector<TensorFile::Entry> sorted(const TensorFile& file) {
  std::vector<TensorFile::Entry> entries = file.entries();
  std::ranges::sort(entries, {}, &TensorFile::Entry::key);
  return entries;
}

std::set<std::string> keys_in(const std::string& path) {
  std::set<std::string> keys;
  const TensorFile file(path);
  for (const TensorFile::Entry& entry : file.entries()) keys.insert(entry.key);
  return keys;
}

std::string option_that_is_refused(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument) << error.what();
    EXPECT_FALSE(error.detail().expected.empty()) << error.what();
    return error.detail().option;
  }
  return "none";
}

class Sapiens2Convert : public testing::Test {
 protected:
  std::string convert(const std::string& from, const std::string& to,
                      const ConvertOptions& options) {
    convert_checkpoint(Checkpoint::open(from), scratch_ / to, options);
    return scratch_ / to;
  }
  const std::string plain_ = Golden("sapiens2_names").file("plain.safetensors").string();
  const std::string timm_ = Golden("sapiens2_names").file("timm_leftovers.safetensors").string();
  Scratch scratch_;
};

TEST_F(Sapiens2Convert, ThereAndBackIsTheSameFileTensorForTensor) {
  for (const char* suffix : {".safetensors", ".pth"}) {
    const std::string timm =
        convert(plain_, std::string("timm") + suffix, {.layout = Layout::Timm});
    EXPECT_EQ(Checkpoint::open(timm).inspect().report.rules.at(0).rule, "rename from timm");
    const std::string back =
        convert(timm, std::string("back") + suffix, {.layout = Layout::Published});
    EXPECT_EQ(sorted(TensorFile(back)), sorted(TensorFile(plain_))) << suffix;
    EXPECT_EQ(Checkpoint::open(back).inspect().report.verdict, Verdict::Exact);
  }
}

// timm's file of the golden case, which timm wrote, without its leftovers.
TEST_F(Sapiens2Convert, WritesTheNamesThatTimmWrites) {
  TensorFile expected(timm_);
  expected.remove("head.weight").remove("head.bias").remove("rope.periods");
  EXPECT_EQ(sorted(TensorFile(convert(plain_, "timm.pth", {.layout = Layout::Timm}))),
            sorted(expected));
  EXPECT_EQ(sorted(TensorFile(convert(timm_, "published.pth", {}))), sorted(TensorFile(plain_)));
}

TEST_F(Sapiens2Convert, SixteenBitsSurviveBothWays) {
  for (const DType dtype : {DType::F16, DType::BF16}) {
    const std::string half =
        convert(plain_, "half.safetensors", {.layout = Layout::Timm, .dtype = dtype});
    const std::string back = convert(half, "back.safetensors", {});
    const std::string direct = convert(plain_, "direct.safetensors", {.dtype = dtype});
    EXPECT_EQ(sorted(TensorFile(back)), sorted(TensorFile(direct)));
    EXPECT_EQ(TensorFile(back).entries().front().dtype, dtype);
    // timm's features with the weights that PyTorch rounded.
    const Golden golden("sapiens2_names");
    Encoder encoder(Checkpoint::open(back), {}, exact());
    const FloatArray input = golden.array("input");
    const auto layers = encoder.run(input.view<4>(), {.out_types = {OutType::Raw}}).layers;
    EXPECT_TRUE(close(layers.at(0).values.values,
                      golden.array(dtype == DType::F16 ? "raw_f16" : "raw_bf16").values,
                      {.absolute = 2e-5}));
  }
}

TEST_F(Sapiens2Convert, UnusedTensorsAreKeptOnRequest) {
  TensorFile file = TensorFile().add(TensorFile(plain_), "backbone.");
  file.add("backbone.mask_token", {1, 8}).add("decode_head.conv_seg.bias", {28});
  const std::string source = file.write(scratch_ / "task.pth");
  EXPECT_EQ(keys_in(convert(source, "lean.pth", {})), keys_in(plain_));
  EXPECT_THAT(keys_in(convert(source, "full.pth", {.layout = Layout::Timm, .keep_unused = true})),
              IsSupersetOf({"mask_token", "decode_head.conv_seg.bias", "blocks.1.gamma_1"}));
}

TEST_F(Sapiens2Convert, LayoutsOfTheOtherFamilyAreRefused) {
  EXPECT_EQ(
      option_that_is_refused([&] { convert(plain_, "out.pth", {.layout = Layout::MMEngine}); }),
      "layout");
  const Golden names("names");
  EXPECT_EQ(option_that_is_refused([&] {
              convert(names.file("plain.pth").string(), "out.pth",
                      {.layout = Layout::Timm, .model = names.options()});
            }),
            "layout");
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "out.pth"));
}

class Sapiens2Synth : public testing::Test {
 protected:
  Inspection synthesize(const std::string& name, const SynthOptions& options) {
    synthesize_checkpoint(scratch_ / name, options);
    return Checkpoint::open(scratch_ / name).inspect();
  }
  Scratch scratch_;
};

TEST_F(Sapiens2Synth, WritesThePublishedLayoutWithGroupedAttention) {
  const Inspection inspection = synthesize("tiny.safetensors", {.arch = "sapiens2_tiny"});
  EXPECT_EQ(inspection.report.verdict, Verdict::Exact);
  EXPECT_EQ(inspection.model.depth, 18);
  EXPECT_EQ(inspection.model.heads, 4);
  EXPECT_EQ(inspection.model.kv_heads, 2);
  EXPECT_EQ(inspection.model.grid, (Grid{8, 6}));
  EXPECT_THAT(inspection.report.notes, Contains(testing::HasSubstr("RANDOM WEIGHTS")));
  EXPECT_EQ(Checkpoint::open(scratch_ / "tiny.safetensors").metadata().at("sapiens.arch"),
            "sapiens2_tiny");
}

TEST_F(Sapiens2Synth, BothLayoutsHoldTheSameWeights) {
  synthesize("tiny.pth", {.arch = "sapiens2_tiny"});
  const Inspection timm = synthesize("timm.pth", {.arch = "sapiens2_tiny", .layout = Layout::Timm});
  EXPECT_EQ(timm.report.verdict, Verdict::Equivalent);
  convert_checkpoint(Checkpoint::open(scratch_ / "timm.pth"), scratch_ / "back.pth", {});
  EXPECT_EQ(sorted(TensorFile(scratch_ / "back.pth")), sorted(TensorFile(scratch_ / "tiny.pth")));
}

TEST_F(Sapiens2Synth, OnlyEncodersAreMade) {
  for (const Task task : {Task::Backbone, Task::Pose, Task::Seg}) {
    EXPECT_EQ(option_that_is_refused(
                  [&] { synthesize("no.pth", {.arch = "sapiens2_tiny", .task = task}); }),
              "task");
  }
  EXPECT_EQ(option_that_is_refused([&] {
              synthesize("no.pth", {.arch = "sapiens2_tiny", .layout = Layout::MMEngine});
            }),
            "layout");
}

// Small and positive, as training leaves it, so that no block drowns the others.
TEST_F(Sapiens2Synth, LayerScaleIsSmallAndNormsAreNearOne) {
  const SynthModel model = synth_model({.arch = "sapiens2_0.4b"});
  const RandomSource source(model, 1);
  std::vector<float> values(1024);
  source.read("backbone.blocks.9.attn.gamma.weight", 0, values);
  EXPECT_THAT(values, Each(testing::AllOf(Ge(0.1f), Le(0.3f))));
  values.resize(64);
  source.read("backbone.blocks.9.attn.q_norm.weight", 0, values);
  EXPECT_THAT(values, Each(testing::AllOf(Ge(0.9f), Le(1.1f))));
  const Inspection inspection = random_inspection(model);
  EXPECT_EQ(inspection.model.family, "sapiens2");
  EXPECT_EQ(inspection.model.kv_heads, 8);
  EXPECT_EQ(inspection.model.registers, 8);
}

}  // namespace
}  // namespace sapiens
