// Weights in a file of their own, as runtimes find them.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "onnx/graph_file.hpp"
#include "onnx/model_writer.hpp"
#include "onnx/module.hpp"
#include "sapiens/onnx.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

// Numbers that tell their tensor and their place.
TensorSource numbered(const std::string& key, std::vector<Index> shape, float base) {
  return {
      .key = key, .shape = std::move(shape), .read = [base](Index first, std::span<std::byte> out) {
        for (std::size_t i = 0; i < out.size() / sizeof(float); ++i) {
          const float value = base + static_cast<float>(first + static_cast<Index>(i));
          std::memcpy(out.data() + i * sizeof value, &value, sizeof value);
        }
      }};
}

TEST(OnnxExternalData, HoldsTheBytesOfAGraphInOneFileAtMultiplesOfAPage) {
  std::string why;
  if (!onnx_available(&why)) GTEST_SKIP() << why;
  const Scratch scratch;
  const std::vector<TensorSource> weights = {numbered("a", {3, 5}, 0), numbered("b", {1100}, 1000),
                                             numbered("c", {1, 2, 3}, 5000)};
  const auto write = [&](const std::string& name, std::uint64_t max_single_file) {
    const std::unique_ptr<onnx::RawModel> model(onnx::require_module("graph").create());
    EXPECT_TRUE(model->set_header("test", "1", "graph", "", 8));
    onnx::write_model(scratch / name, *model, weights, {}, max_single_file);
    return read_graph(scratch / name);
  };
  const ::onnx::ModelProto one = write("one.onnx", onnx::kMaxSingleFile);
  const ::onnx::ModelProto two = write("two.onnx", 0);
  const std::string data = read_bytes(scratch / "two.onnx.data");
  ASSERT_EQ(two.graph().initializer_size(), 3);
  for (const TensorSource& weight : weights) {
    SCOPED_TRACE(weight.key);
    const ::onnx::TensorProto& inside = tensor_named(one, weight.key);
    const ::onnx::TensorProto& outside = tensor_named(two, weight.key);
    for (const ::onnx::TensorProto* tensor : {&inside, &outside}) {
      EXPECT_EQ(tensor->data_type(), ::onnx::TensorProto_DataType_FLOAT);
      EXPECT_EQ(std::vector<Index>(tensor->dims().begin(), tensor->dims().end()), weight.shape);
    }
    EXPECT_FALSE(inside.raw_data().empty());
    EXPECT_TRUE(outside.raw_data().empty());
    EXPECT_EQ(outside.data_location(), ::onnx::TensorProto_DataLocation_EXTERNAL);
    EXPECT_EQ(external(outside, "location"), "two.onnx.data");
    const std::size_t offset = std::stoul(external(outside, "offset"));
    EXPECT_EQ(offset % 4096, 0u);
    EXPECT_TRUE(data.substr(offset, std::stoul(external(outside, "length"))) == inside.raw_data());
  }
}

}  // namespace
}  // namespace sapiens
