#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/write.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "sapiens/tensors.hpp"
#include "support/error_code_of.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::AllOf;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::StartsWith;

const Tensor& find(const ModelTensors& model, const std::string& key) {
  for (const Tensor& tensor : model.tensors) {
    if (tensor.key == key) return tensor;
  }
  throw std::runtime_error("no tensor " + key);
}

template <typename Call>
std::string text_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ModelTensors, AreThoseOfAConversionUnderTheOriginalsNames) {
  const Golden golden("names");
  const ModelOptions options = golden.options();
  for (const char* file : {"plain.pth", "timm.pth", "hf_f32.safetensors", "plain_bf16.safetensors",
                           "plain_f16.safetensors"}) {
    SCOPED_TRACE(file);
    const Checkpoint checkpoint = Checkpoint::open(golden.file(file));
    const ConvertedTensors converted =
        convert_in_memory(checkpoint, {.layout = Layout::MMEngine, .model = options});
    const ModelTensors model = read_model(checkpoint, {}, options);
    ASSERT_EQ(model.tensors.size(), converted.tensors.size());
    for (const Tensor& expected : converted.tensors) {
      SCOPED_TRACE(expected.key);
      const Tensor& tensor = find(model, expected.key);
      EXPECT_EQ(tensor.dtype, expected.dtype);
      EXPECT_EQ(tensor.shape, expected.shape);
      EXPECT_EQ(tensor.bytes, expected.bytes);
    }
    EXPECT_EQ(model.decoder_heads, 0);
    EXPECT_FALSE(model.partial);
  }
}

TEST(ModelTensors, OfAUseAreThoseThatItNeeds) {
  const Golden pose("pose_21_user"), mae("mae_reconstruct");
  const auto keys = testing::Contains(Field(&Tensor::key, StartsWith("head.")));
  const Checkpoint checkpoint = Checkpoint::open(pose.file("pose.pth"));
  EXPECT_THAT(read_model(checkpoint, {}, pose.options()).tensors, keys);
  EXPECT_THAT(read_model(checkpoint, Use::Pose, pose.options()).tensors, keys);
  EXPECT_THAT(read_model(checkpoint, Use::Features, pose.options()).tensors,
              Each(Field(&Tensor::key, StartsWith("backbone."))));

  ModelOptions options = mae.options();
  options.decoder_heads = mae.facts().at("decoder").at("num_heads");
  const ModelTensors whole =
      read_model(Checkpoint::open(mae.file("encoder.pth")), Use::Reconstruct, options);
  EXPECT_EQ(whole.decoder_heads, options.decoder_heads);
  EXPECT_EQ(find(whole, "neck.mask_token").shape.size(), 3u);
}

TEST(ModelTensors, AResizedTableOf16BitsStaysSo) {
  const Golden golden("names");
  ModelOptions options = golden.options();
  const Grid size = Encoder(Checkpoint::open(golden.file("plain.pth")), options).input_size();
  options.input_size = Grid{size.height + 16, size.width};
  const ModelTensors model =
      read_model(Checkpoint::open(golden.file("plain_bf16.safetensors")), {}, options);
  EXPECT_THAT(model.tensors, Each(Field(&Tensor::dtype, DType::BF16)));
}

TEST(ModelTensors, AreRefusedAsTheModelsAre) {
  const Golden golden("names");
  const ModelOptions options = golden.options();
  for (const char* file : {"missing_one.pth", "nan_weight.pth", "resnet.pth"}) {
    SCOPED_TRACE(file);
    const Checkpoint checkpoint = Checkpoint::open(golden.file(file));
    const std::string expected = text_of([&] { Encoder(checkpoint, options); });
    EXPECT_THAT(expected, HasSubstr("nothing was computed"));
    EXPECT_EQ(text_of([&] { read_model(checkpoint, {}, options); }), expected);
  }
  const Checkpoint plain = Checkpoint::open(golden.file("plain.pth"));
  EXPECT_EQ(error_code_of([&] { read_model(plain, Use::Pose, options); }),
            ErrorCode::CheckpointRefused);
  EXPECT_EQ(error_code_of([&] { read_model(plain, Use::Detect, options); }),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(error_code_of([&] { read_model(plain); }), ErrorCode::InvalidArgument);  // heads
}

TEST(ModelTensors, AHeadWithAGapIsNotLeftOutInSilence) {
  const Golden pose("pose_21_user");
  ConvertedTensors converted =
      convert_in_memory(Checkpoint::open(pose.file("pose.pth")), {.model = pose.options()});
  std::vector<TensorSource> sources;
  for (const Tensor& tensor : converted.tensors) {
    if (tensor.key.ends_with("final_layer.bias")) continue;
    const auto read = [&tensor](Index first, std::span<std::byte> out) {
      const std::size_t size = dtype_size(tensor.dtype);
      const auto from = std::span(tensor.bytes).subspan(static_cast<std::size_t>(first) * size);
      std::ranges::copy(from.first(out.size()), out.begin());
    };
    sources.push_back(
        {.key = tensor.key, .dtype = tensor.dtype, .shape = tensor.shape, .read = read});
  }
  const Scratch scratch;
  write_safetensors(scratch / "cut.safetensors", sources, {});
  const Checkpoint cut = Checkpoint::open(scratch / "cut.safetensors");
  ModelOptions options = pose.options();
  EXPECT_THAT(text_of([&] { read_model(cut, {}, options); }),
              AllOf(HasSubstr("final_layer.bias"), HasSubstr("nothing was computed")));
  options.allow_partial = true;  // is about encoders
  EXPECT_EQ(error_code_of([&] { read_model(cut, {}, options); }), ErrorCode::CheckpointRefused);
  EXPECT_FALSE(read_model(cut, Use::Features, pose.options()).tensors.empty());
}

TEST(ModelTensors, PartialModelsAreMarked) {
  const Golden golden("names");
  ModelOptions options = golden.options();
  options.allow_partial = true;
  EXPECT_TRUE(read_model(Checkpoint::open(golden.file("missing_one.pth")), {}, options).partial);
  const ModelTensors damaged =
      read_model(Checkpoint::open(golden.file("nan_weight.pth")), {}, options);
  EXPECT_TRUE(damaged.partial);
  EXPECT_THAT(damaged.inspection.report.notes, testing::Contains(HasSubstr("NaN or infinity")));
}

}  // namespace
}  // namespace sapiens
