// What `convert_to_onnx` refuses, and that nothing is left of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "sapiens/error.hpp"
#include "sapiens/onnx.hpp"
#include "support/nan.hpp"
#include "support/scratch.hpp"
#include "support/tensor_file.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;
using testing::Not;

class OnnxRefusals : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!onnx_available(&why)) GTEST_SKIP() << why;
    synthesize_checkpoint(checkpoint_, {.arch = "tiny"});
    std::filesystem::create_directory(folder_);
  }

  // The error of a conversion; nothing is left of it.
  Error error_of(const std::string& checkpoint, const OnnxOptions& options = {},
                 const Progress& progress = {}) {
    Error error(ErrorCode::Internal, {.summary = "nothing was refused"});
    try {
      convert_to_onnx(Checkpoint::open(checkpoint), graph_, options, progress);
    } catch (const Error& refused) {
      error = refused;
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder_));
    return error;
  }

  // A copy of the checkpoint whose tensors `keys` have a value of `value`.
  std::string damaged(const std::vector<std::string>& keys, float value) {
    TensorFile file(checkpoint_);
    for (const std::string& key : keys) file.fill(key, value);
    file.write(scratch_ / "damaged.safetensors");
    return scratch_ / "damaged.safetensors";
  }

  Scratch scratch_;
  const std::string checkpoint_ = scratch_ / "tiny.safetensors";
  const std::filesystem::path folder_ = scratch_ / "folder";
  const std::filesystem::path graph_ = folder_ / "a.onnx";
};

TEST_F(OnnxRefusals, OptionsAreNamed) {
  const auto option = [&](const OnnxOptions& options) {
    const Error error = error_of(checkpoint_, options);
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    return error.detail().option;
  };
  EXPECT_EQ(option({.dtype = DType::I64}), "dtype");
  EXPECT_EQ(option({.opset = 16}), "opset");
  EXPECT_EQ(option({.opset = 25}), "opset");
  EXPECT_EQ(option({.batch = -1}), "batch");
  EXPECT_EQ(option({.model = {.allow_partial = true}}), "allow_partial");
  const Grid size{64, 64};
  EXPECT_EQ(option({.dynamic_size = true, .model = {.input_size = size}}), "input_size");
}

TEST_F(OnnxRefusals, EveryParameterWithNanOrInfinityIsCounted) {
  const Error error =
      error_of(damaged({"patch_embed.projection.weight", "layers.1.ffn.layers.1.weight"}, kNan),
               {.model = {.heads = 4}});
  EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
  EXPECT_THAT(error.what(), HasSubstr("2 parameters hold NaN or infinity, so nothing was written"));
  EXPECT_THAT(error.what(), HasSubstr("backbone.layers.1.ffn.layers.1.weight"));
  EXPECT_THAT(error.what(), HasSubstr("backbone.patch_embed.projection.weight"));
  EXPECT_THAT(error.what(), Not(HasSubstr("allow_partial")));
}

TEST_F(OnnxRefusals, AWeightThatF16CannotHoldIsNotMadeInfinite) {
  const std::string file = damaged({"layers.1.ffn.layers.1.weight"}, 1e6f);
  const Error error = error_of(file, {.dtype = DType::F16, .model = {.heads = 4}});
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  EXPECT_THAT(error.what(), HasSubstr("layers.1.ffn.layers.1.weight"));
  convert_to_onnx(Checkpoint::open(file), graph_, {.dtype = DType::BF16, .model = {.heads = 4}});
  EXPECT_TRUE(std::filesystem::exists(graph_));
}

TEST_F(OnnxRefusals, AWeightThatBf16CannotHoldIsNotMadeInfinite) {
  const std::string file = damaged({"layers.1.ffn.layers.1.weight"}, 3.4e38f);
  const Error error = error_of(file, {.dtype = DType::BF16, .model = {.heads = 4}});
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  EXPECT_THAT(error.what(), HasSubstr("too large for bf16"));
  EXPECT_THAT(error.what(), HasSubstr("layers.1.ffn.layers.1.weight"));
}

TEST_F(OnnxRefusals, AnIncompleteModelIsRefusedAsByFeatures) {
  const Error error = error_of(checkpoint_, {.model = {.arch = "1b"}});
  EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
}

TEST_F(OnnxRefusals, AnEncoderIsNotWrittenInPlaceOfADamagedHead) {
  const std::string file = scratch_ / "headless.safetensors";
  synthesize_checkpoint(file, {.arch = "tiny", .task = Task::Seg});
  TensorFile(file).remove("decode_head.conv_seg.bias").write(file);
  for (const std::optional<Task> task : {std::optional<Task>(), std::optional(Task::Seg)}) {
    const Error error = error_of(file, {.model = {.task = task, .heads = 4}});
    EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
    EXPECT_THAT(error.what(), HasSubstr("decode_head.conv_seg.bias"));
    EXPECT_THAT(error.what(), HasSubstr("nothing was written"));
  }
  const OnnxOptions encoder{.out_types = {OutType::Featmap}, .model = {.heads = 4}};
  convert_to_onnx(Checkpoint::open(file), graph_, encoder);
  EXPECT_TRUE(std::filesystem::exists(graph_));
}

TEST_F(OnnxRefusals, AnEncoderIsNotWrittenInPlaceOfATaskThatIsAskedFor) {
  const Error error = error_of(checkpoint_, {.model = {.task = Task::Seg, .heads = 4}});
  EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
  EXPECT_THAT(error.what(), HasSubstr("no seg head"));
}

TEST_F(OnnxRefusals, AnOptionOfDetectorsIsRefusedWithTheModelThatWasFound) {
  const Error error = error_of(checkpoint_, {.raw_maps = true, .model = {.heads = 4}});
  EXPECT_EQ(error.detail().option, "raw_maps");
  EXPECT_THAT(error.detail().actual, HasSubstr("encoder"));
}

TEST_F(OnnxRefusals, AnExceptionOfTheProgressStopsIt) {
  struct Stopped {};
  EXPECT_THROW(error_of(checkpoint_, {}, [](double) { throw Stopped(); }), Stopped);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(OnnxRefusals, TheCheckpointIsNotOverwritten) {
  for (const char* name : {"a.onnx", "a.onnx.data"}) {
    const std::filesystem::path source = folder_ / name;
    std::filesystem::copy_file(checkpoint_, source);
    const std::string before = read_bytes(source);
    try {
      convert_to_onnx(Checkpoint::open(source), graph_);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr("same file"));
    }
    EXPECT_TRUE(read_bytes(source) == before);
    std::filesystem::remove(source);
  }
}

TEST_F(OnnxRefusals, AnotherEndingIsNoOnnxFile) {
  for (const char* name : {"a.pth", "a", "a.ONNX"}) {
    try {
      convert_to_onnx(Checkpoint::open(checkpoint_), folder_ / name);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace
}  // namespace sapiens
