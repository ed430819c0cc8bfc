#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "sapiens/tensors.hpp"
#include "support/error_code_of.hpp"
#include "support/golden.hpp"

namespace sapiens {
namespace {

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
