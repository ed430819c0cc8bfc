// What is in a file that `convert_to_onnx` writes, as the classes of the onnx library read it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "onnx/graph_file.hpp"
#include "sapiens/onnx.hpp"
#include "sapiens/tensors.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

class OnnxWeights : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!onnx_available(&why)) GTEST_SKIP() << why;
    synthesize_checkpoint(checkpoint_, {.arch = "tiny"});
  }

  ::onnx::ModelProto convert(const OnnxOptions& options = {}) const {
    convert_to_onnx(Checkpoint::open(checkpoint_), graph_, options);
    return read_graph(graph_);
  }

  // The weights that the same model has under the names of the original.
  std::vector<Tensor> weights(const OnnxOptions& options) const {
    return convert_in_memory(
               Checkpoint::open(checkpoint_),
               {.layout = Layout::MMEngine, .dtype = options.dtype, .model = options.model})
        .tensors;
  }

  Scratch scratch_;
  const std::string checkpoint_ = scratch_ / "tiny.pth";
  const std::string graph_ = scratch_ / "tiny.onnx";
};

std::string transposed(const Tensor& matrix) {
  const std::size_t rows = matrix.shape[0], columns = matrix.shape[1];
  const std::size_t size = dtype_size(matrix.dtype);
  std::string bytes(matrix.bytes.size(), '\0');
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      std::memcpy(&bytes[(column * rows + row) * size],
                  &matrix.bytes[(row * columns + column) * size], size);
    }
  }
  return bytes;
}

std::string metadata(const ::onnx::ModelProto& model, const std::string& key) {
  for (const ::onnx::StringStringEntryProto& entry : model.metadata_props()) {
    if (entry.key() == key) return entry.value();
  }
  return {};
}

// Compares all weights of the model, bit by bit; matrices are those of linear layers.
void expect_weights(const ::onnx::ModelProto& model, const std::vector<Tensor>& expected) {
  for (const Tensor& weight : expected) {
    SCOPED_TRACE(weight.key);
    const ::onnx::TensorProto& tensor = tensor_named(model, weight.key);
    std::vector<Index> shape = weight.shape;
    const bool matrix = shape.size() == 2;
    if (matrix) std::ranges::reverse(shape);
    EXPECT_EQ(std::vector<Index>(tensor.dims().begin(), tensor.dims().end()), shape);
    const std::string bytes(reinterpret_cast<const char*>(weight.bytes.data()),
                            weight.bytes.size());
    EXPECT_TRUE(tensor.raw_data() == (matrix ? transposed(weight) : bytes));
  }
}

TEST_F(OnnxWeights, AreThoseOfTheCheckpointUnderItsNames) {
  for (const DType dtype : {DType::F32, DType::F16, DType::BF16}) {
    const OnnxOptions options{.dtype = dtype};
    expect_weights(convert(options), weights(options));
  }
}

TEST_F(OnnxWeights, PositionTablesOfManyMegabytesAreResizedAsAWhole) {
  OnnxOptions options;
  options.model.input_size = Grid{2400, 2400};
  const ::onnx::ModelProto model = convert(options);
  EXPECT_GT(tensor_named(model, "backbone.pos_embed").raw_data().size(), std::size_t{1} << 22);
  expect_weights(model, weights(options));
}

TEST_F(OnnxWeights, ConstantsAreShared) {
  std::set<std::string> keys;
  for (const Tensor& weight : weights({})) keys.insert(weight.key);
  std::set<std::tuple<int, std::string, std::string>> seen;
  const ::onnx::ModelProto model = convert();
  for (const ::onnx::TensorProto& tensor : model.graph().initializer()) {
    if (keys.contains(tensor.name())) continue;
    std::string shape;
    for (const Index extent : tensor.dims()) shape += std::to_string(extent) + ",";
    EXPECT_TRUE(seen.emplace(tensor.data_type(), shape, tensor.raw_data()).second) << tensor.name();
  }
  EXPECT_FALSE(seen.empty());
}

TEST_F(OnnxWeights, AFileHasOneGraphAndEveryNameOnce) {
  const ::onnx::ModelProto model = convert();
  // Fields that occur twice are joined by some readers, and refused by others.
  EXPECT_EQ(count_fields(read_bytes(graph_), ::onnx::ModelProto::kGraphFieldNumber), 1);
  std::set<std::string> names;
  for (const ::onnx::TensorProto& tensor : model.graph().initializer()) {
    EXPECT_TRUE(names.insert(tensor.name()).second) << tensor.name();
  }
  for (const ::onnx::NodeProto& node : model.graph().node()) {
    for (const std::string& output : node.output()) {
      EXPECT_TRUE(names.insert(output).second) << output;
    }
  }
}

TEST_F(OnnxWeights, AGraphSaysWhatItIs) {
  const ::onnx::ModelProto model = convert({.opset = 21});
  EXPECT_EQ(model.producer_name(), "sapiens.cpp");
  EXPECT_EQ(model.opset_import(0).version(), 21);
  EXPECT_EQ(model.graph().name(), "Sapiens custom encoder, pretrained");
  EXPECT_NE(model.doc_string().find("images float32 [N, 3, 128, 128] to featmap"),
            std::string::npos);
  EXPECT_EQ(metadata(model, "task"), "features");
}

TEST_F(OnnxWeights, ADetectorSaysWhichChannelIsFirst) {
  const Checkpoint detector = Checkpoint::open(Golden("rtmdet").file("rtmdet.pth"));
  convert_to_onnx(detector, graph_);
  const ::onnx::ModelProto outside = read_graph(graph_);
  EXPECT_EQ(metadata(outside, "task"), "detect");
  EXPECT_EQ(metadata(outside, "labels"), "[\"person\"]");
  EXPECT_EQ(metadata(outside, "input_size"), "640x640");
  EXPECT_EQ(metadata(outside, "channel_order"), "bgr");
  EXPECT_EQ(metadata(outside, "mean"), "[103.53, 116.28, 123.675]");
  convert_to_onnx(detector, graph_, {.with_preprocessing = true});
  EXPECT_EQ(metadata(read_graph(graph_), "channel_order"), "rgb");
}

}  // namespace
}  // namespace sapiens
