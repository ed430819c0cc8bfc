#include "onnx/graph_file.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <gtest/gtest.h>

#include "support/scratch.hpp"

namespace sapiens {

::onnx::ModelProto read_graph(const std::filesystem::path& path) {
  ::onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(read_bytes(path))) << path;
  return model;
}

const ::onnx::TensorProto& tensor_named(const ::onnx::ModelProto& model, const std::string& name) {
  for (const ::onnx::TensorProto& tensor : model.graph().initializer()) {
    if (tensor.name() == name) return tensor;
  }
  ADD_FAILURE() << "no tensor " << name;
  return ::onnx::TensorProto::default_instance();
}

std::string external(const ::onnx::TensorProto& tensor, const std::string& key) {
  for (const ::onnx::StringStringEntryProto& entry : tensor.external_data()) {
    if (entry.key() == key) return entry.value();
  }
  return {};
}

int count_fields(const std::string& bytes, int number) {
  using Wire = google::protobuf::internal::WireFormatLite;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  int count = 0;
  while (const std::uint32_t tag = in.ReadTag()) {
    if (Wire::GetTagFieldNumber(tag) == number) ++count;
    EXPECT_TRUE(Wire::SkipField(&in, tag));
  }
  return count;
}

}  // namespace sapiens
