#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "sapiens/tensors.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::Contains;
using testing::Each;
using testing::Not;
using testing::StartsWith;

std::map<std::string, std::vector<float>> values_of(const std::filesystem::path& file) {
  std::map<std::string, std::vector<float>> values;
  const StateDict dict = open_checkpoint(file);
  for (const TensorEntry& tensor : dict.tensors) {
    auto& numbers = values[tensor.key];
    numbers.resize(static_cast<std::size_t>(tensor.numel()));
    read_f32(tensor, 0, numbers);
  }
  return values;
}

std::vector<std::string> keys_of(const std::filesystem::path& file) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : values_of(file)) keys.push_back(key);
  return keys;
}

std::vector<float> raw_of(const std::filesystem::path& file, const Golden& golden) {
  Encoder encoder(Checkpoint::open(file), golden.options(), exact());
  const FloatArray input = golden.array("input");
  return encoder.run(input.view<4>(), {.out_types = {OutType::Raw}}).layers.at(0).values.values;
}

TEST(Convert, EveryNamingSchemeBecomesOneFileBitForBit) {
  const Scratch scratch;
  const Golden golden("names");
  const auto expected = values_of(golden.file("plain.pth"));
  for (const char* source :
       {"plain.pth", "backbone.pth", "timm.pth", "hf.pth", "fsdp.pth", "hf_f32.safetensors"}) {
    for (const char* target : {"out.pth", "out.safetensors"}) {
      SCOPED_TRACE(std::string(source) + " to " + target);
      convert_checkpoint(Checkpoint::open(golden.file(source)), scratch / target,
                         {.model = golden.options()});
      EXPECT_EQ(values_of(scratch / target), expected);
    }
  }
}

TEST(Convert, MMEngineLayoutIsExact) {
  const Scratch scratch;
  const Golden golden("names");
  const std::filesystem::path fixed = scratch / "fixed.pth";
  convert_checkpoint(Checkpoint::open(golden.file("plain.pth")), fixed,
                     {.layout = Layout::MMEngine, .model = golden.options()});
  EXPECT_EQ(Checkpoint::open(fixed).inspect().report.verdict, Verdict::Exact);
  EXPECT_THAT(keys_of(fixed), Each(StartsWith("backbone.")));
  EXPECT_EQ(raw_of(fixed, golden), raw_of(golden.file("plain.pth"), golden));
}

TEST(Convert, KeepsUnusedTensorsOnRequest) {
  const Scratch scratch;
  const Golden golden("names");
  const Checkpoint full = Checkpoint::open(golden.file("backbone.pth"));
  convert_checkpoint(full, scratch / "lean.pth", {.model = golden.options()});
  convert_checkpoint(full, scratch / "full.pth",
                     {.layout = Layout::MMEngine, .keep_unused = true, .model = golden.options()});
  EXPECT_THAT(keys_of(scratch / "lean.pth"), Not(Contains(StartsWith("neck."))));
  EXPECT_EQ(values_of(scratch / "full.pth"), values_of(golden.file("backbone.pth")));
}

TEST(Convert, HalfPrecisionHalvesTheFileAndKeepsWhatFits) {
  const Scratch scratch;
  const Golden golden("names");
  const Checkpoint plain = Checkpoint::open(golden.file("plain.pth"));
  convert_checkpoint(plain, scratch / "f16.safetensors",
                     {.dtype = DType::F16, .model = golden.options()});
  convert_checkpoint(plain, scratch / "bf16.safetensors",
                     {.dtype = DType::BF16, .model = golden.options()});
  // The golden files hold the same weights rounded by PyTorch.
  EXPECT_EQ(values_of(scratch / "f16.safetensors"),
            values_of(golden.file("plain_f16.safetensors")));
  EXPECT_EQ(values_of(scratch / "bf16.safetensors"),
            values_of(golden.file("plain_bf16.safetensors")));
  // Without --dtype each tensor keeps its own.
  convert_checkpoint(Checkpoint::open(scratch / "bf16.safetensors"), scratch / "same.pth",
                     {.model = golden.options()});
  EXPECT_EQ(Checkpoint::open(scratch / "same.pth").tensors().front().dtype, DType::BF16);
}

TEST(Convert, RefusesAWeightThatF16CannotHold) {
  const Scratch scratch;
  const Golden golden("names");
  std::string bytes = read_bytes(golden.file("plain_f32.safetensors"));
  const float large = 1e6f;  // the last value of the last tensor
  std::memcpy(bytes.data() + bytes.size() - sizeof large, &large, sizeof large);
  write_bytes(scratch / "large.safetensors", bytes);
  const Checkpoint checkpoint = Checkpoint::open(scratch / "large.safetensors");
  const std::filesystem::path out = scratch / "out.safetensors";
  try {
    convert_checkpoint(checkpoint, out, {.dtype = DType::F16, .model = golden.options()});
    FAIL() << "an infinity was written";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_FALSE(error.detail().key.empty());
  }
  EXPECT_FALSE(std::filesystem::exists(out));
  convert_checkpoint(checkpoint, out, {.dtype = DType::BF16, .model = golden.options()});
}

TEST(Convert, RefusesAnIncompleteModelAndWritesNothing) {
  const Scratch scratch;
  const Golden golden("names");
  const std::filesystem::path out = scratch / "out.pth";
  EXPECT_THROW(convert_checkpoint(Checkpoint::open(golden.file("missing_one.pth")), out,
                                  {.model = golden.options()}),
               Error);
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

TEST(Convert, WarnsOfNonFiniteValues) {
  const Scratch scratch;
  const Golden golden("names");
  const auto result = convert_checkpoint(Checkpoint::open(golden.file("nan_weight.pth")),
                                         scratch / "out.pth", {.model = golden.options()});
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_THAT(result.warnings[0], testing::HasSubstr("layers.1.attn.qkv.weight"));
  EXPECT_TRUE(convert_checkpoint(Checkpoint::open(golden.file("plain.pth")), scratch / "good.pth",
                                 {.model = golden.options()})
                  .warnings.empty());
}

TEST(Convert, BytesInMemoryEqualTheFile) {
  const Scratch scratch;
  const Golden golden("names");
  const std::filesystem::path file = scratch / "out.safetensors";
  for (const char* source : {"timm.pth", "fsdp.pth", "plain_bf16.safetensors", "backbone.pth"}) {
    SCOPED_TRACE(source);
    const Checkpoint checkpoint = Checkpoint::open(golden.file(source));
    const ConvertOptions options{
        .layout = Layout::MMEngine, .keep_unused = true, .model = golden.options()};
    convert_checkpoint(checkpoint, file, options);
    const ConvertedTensors converted = convert_in_memory(checkpoint, options);
    const StateDict written = open_checkpoint(file);
    ASSERT_EQ(converted.tensors.size(), written.tensors.size());
    std::map<std::string, const Tensor*> by_key;
    for (const Tensor& tensor : converted.tensors) by_key[tensor.key] = &tensor;
    for (const TensorEntry& entry : written.tensors) {
      SCOPED_TRACE(entry.key);
      ASSERT_TRUE(by_key.contains(entry.key));
      const Tensor& tensor = *by_key[entry.key];
      EXPECT_EQ(tensor.dtype, entry.dtype);
      EXPECT_EQ(tensor.shape, entry.shape);
      std::vector<std::byte> bytes(tensor.bytes.size());
      ASSERT_EQ(bytes.size(), static_cast<std::size_t>(entry.numel()) * dtype_size(entry.dtype));
      read_raw(entry, 0, bytes);
      EXPECT_EQ(tensor.bytes, bytes);
    }
  }
}

TEST(Convert, ConvertingInMemoryRefusesAndWarnsLikeWriting) {
  const Golden golden("names");
  const ConvertOptions options{.model = golden.options()};
  EXPECT_THROW(convert_in_memory(Checkpoint::open(golden.file("missing_one.pth")), options), Error);
  EXPECT_EQ(convert_in_memory(Checkpoint::open(golden.file("nan_weight.pth")), options)
                .result.warnings.size(),
            1u);
}

TEST(Convert, RefusesUnknownFormatsAndItsOwnInput) {
  const Scratch scratch;
  const Golden golden("names");
  const Checkpoint plain = Checkpoint::open(golden.file("plain.pth"));
  EXPECT_THROW(convert_checkpoint(plain, scratch / "out.onnx", {.model = golden.options()}), Error);
  EXPECT_THROW(convert_checkpoint(plain, golden.file("plain.pth"), {.model = golden.options()}),
               Error);
}

TEST(Convert, TaskGeometryIsWrittenAsFineTuningStartsFromIt) {
  const Scratch scratch;
  const Golden golden("backbone_nocls_from_clean");
  ModelOptions options = golden.options();
  options.task = Task::Backbone;
  const std::filesystem::path out = scratch / "backbone.safetensors";
  convert_checkpoint(Checkpoint::open(golden.file("encoder_clean.pth")), out, {.model = options});
  EXPECT_EQ(values_of(out)["pos_embed"], golden.array("pos_embed_resized").values);
  EXPECT_EQ(Checkpoint::open(out).inspect().model.grid, (Grid{8, 6}));
}

TEST(Synth, TheSameSeedGivesTheSameFileAndAnotherDoesNot) {
  const Scratch scratch;
  synthesize_checkpoint(scratch / "a.safetensors", {.arch = "tiny", .seed = 7});
  synthesize_checkpoint(scratch / "b.pth", {.arch = "tiny", .seed = 7});
  synthesize_checkpoint(scratch / "c.pth", {.arch = "tiny", .seed = 8});
  EXPECT_EQ(values_of(scratch / "a.safetensors"), values_of(scratch / "b.pth"));
  EXPECT_NE(values_of(scratch / "a.safetensors"), values_of(scratch / "c.pth"));
}

TEST(Synth, WeightsInMemoryAreThoseOfTheFile) {
  const Scratch scratch;
  synthesize_checkpoint(scratch / "a.pth", {.arch = "tiny", .seed = 3});
  Encoder from_file(Checkpoint::open(scratch / "a.pth"), {}, exact());
  Encoder from_memory = Encoder::random({.arch = "tiny", .seed = 3}, exact());
  const std::vector<float> input(3 * 128 * 128, 0.5f);
  const TensorView<const float, 4> view(input.data(), {1, 3, 128, 128});
  EXPECT_EQ(from_file.run(view).layers[0].values.values,
            from_memory.run(view).layers[0].values.values);
}

}  // namespace
}  // namespace sapiens
