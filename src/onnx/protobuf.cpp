// The module sapiens_onnx_proto: the only code that is linked to protobuf and its classes for ONNX
// files.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "onnx/module.hpp"

namespace sapiens::onnx {
namespace {

namespace pb = ::onnx;
using google::protobuf::io::ArrayOutputStream;
using google::protobuf::io::CodedOutputStream;

// A length-delimited field of a message of the wire format.
constexpr std::uint32_t tag_of(int field) { return (static_cast<std::uint32_t>(field) << 3) | 2; }

std::uint64_t size_of_field(std::uint64_t content) {
  // No field of these messages has a number above 15, so that its tag is one byte.
  return 1 + CodedOutputStream::VarintSize64(content) + content;
}

void write_length(CodedOutputStream& out, int field, std::uint64_t size) {
  out.WriteTag(tag_of(field));
  out.WriteVarint64(size);
}

// Protobuf throws what its containers throw, and the interface throws nothing.
template <class Action>
bool guarded(Action action) noexcept {
  try {
    action();
    return true;
  } catch (...) {
    return false;
  }
}

void fill_shape(pb::TypeProto_Tensor& tensor, List<RawExtent> shape) {
  pb::TensorShapeProto& extents = *tensor.mutable_shape();
  for (std::size_t i = 0; i < shape.size; ++i) {
    pb::TensorShapeProto_Dimension& extent = *extents.add_dim();
    if (shape.data[i].symbol) {
      extent.set_dim_param(shape.data[i].symbol);
    } else {
      extent.set_dim_value(shape.data[i].size);
    }
  }
}

void fill_value(pb::ValueInfoProto& value, const char* name, Type type, List<RawExtent> shape) {
  value.set_name(name);
  pb::TypeProto_Tensor& tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(static_cast<std::int32_t>(type));
  fill_shape(tensor, shape);
}

void fill_tensor(pb::TensorProto& to, const RawTensor& from) {
  to.set_name(from.name);
  to.set_data_type(static_cast<std::int32_t>(from.type));
  for (std::size_t i = 0; i < from.shape.size; ++i) to.add_dims(from.shape.data[i]);
}

void fill_attribute(pb::AttributeProto& to, const RawAttribute& from) {
  to.set_name(from.name);
  switch (from.kind) {
    case RawAttribute::Kind::Int:
      to.set_type(pb::AttributeProto_AttributeType_INT);
      to.set_i(from.number);
      break;
    case RawAttribute::Kind::Ints:
      to.set_type(pb::AttributeProto_AttributeType_INTS);
      for (std::size_t i = 0; i < from.numbers.size; ++i) to.add_ints(from.numbers.data[i]);
      break;
    case RawAttribute::Kind::Float:
      to.set_type(pb::AttributeProto_AttributeType_FLOAT);
      to.set_f(from.real);
      break;
    case RawAttribute::Kind::String:
      to.set_type(pb::AttributeProto_AttributeType_STRING);
      to.set_s(from.text);
      break;
  }
}

void add_entry(pb::TensorProto& tensor, const char* key, std::string value) {
  pb::StringStringEntryProto& entry = *tensor.add_external_data();
  entry.set_key(key);
  entry.set_value(std::move(value));
}

class Model final : public RawModel {
 public:
  bool set_header(const char* producer, const char* version, const char* graph,
                  const char* description, std::int64_t ir_version) noexcept override {
    return guarded([&] {
      model_.set_ir_version(ir_version);
      model_.set_producer_name(producer);
      model_.set_producer_version(version);
      model_.set_doc_string(description);
      graph_.set_name(graph);
    });
  }

  bool add_opset(const char* domain, std::int64_t version) noexcept override {
    return guarded([&] {
      pb::OperatorSetIdProto& opset = *model_.add_opset_import();
      opset.set_domain(domain);
      opset.set_version(version);
    });
  }

  bool add_metadata(const char* key, const char* value) noexcept override {
    return guarded([&] {
      pb::StringStringEntryProto& entry = *model_.add_metadata_props();
      entry.set_key(key);
      entry.set_value(value);
    });
  }

  bool add_input(const char* name, Type type, List<RawExtent> shape) noexcept override {
    return guarded([&] { fill_value(*graph_.add_input(), name, type, shape); });
  }

  bool add_output(const char* name, Type type, List<RawExtent> shape) noexcept override {
    return guarded([&] { fill_value(*graph_.add_output(), name, type, shape); });
  }

  bool add_node(const RawNode& raw) noexcept override {
    return guarded([&] {
      pb::NodeProto& node = *graph_.add_node();
      node.set_name(raw.name);
      node.set_op_type(raw.op);
      if (*raw.domain != '\0') node.set_domain(raw.domain);
      for (std::size_t i = 0; i < raw.inputs.size; ++i) node.add_input(raw.inputs.data[i]);
      for (std::size_t i = 0; i < raw.outputs.size; ++i) node.add_output(raw.outputs.data[i]);
      for (std::size_t i = 0; i < raw.attributes.size; ++i) {
        fill_attribute(*node.add_attribute(), raw.attributes.data[i]);
      }
    });
  }

  bool add_constant(const RawTensor& raw, Bytes values) noexcept override {
    return guarded([&] {
      pb::TensorProto& tensor = *graph_.add_initializer();
      fill_tensor(tensor, raw);
      tensor.set_raw_data(values.data, values.size);
    });
  }

  bool add_weight(const RawTensor& raw, std::uint64_t size) noexcept override {
    return guarded([&] {
      Weight weight{.values = size};
      fill_tensor(weight.tensor, raw);
      weights_.push_back(std::move(weight));
    });
  }

  bool add_external_weight(const RawTensor& raw, const char* location, std::uint64_t offset,
                           std::uint64_t size) noexcept override {
    return guarded([&] {
      pb::TensorProto& tensor = *graph_.add_initializer();
      fill_tensor(tensor, raw);
      tensor.set_data_location(pb::TensorProto_DataLocation_EXTERNAL);
      add_entry(tensor, "location", location);
      add_entry(tensor, "offset", std::to_string(offset));
      add_entry(tensor, "length", std::to_string(size));
    });
  }

  std::uint64_t file_size() const noexcept override {
    return model_.ByteSizeLong() + size_of_field(graph_size());
  }

  // The graph is the last field of the model, and its weights are the last ones of the graph: the
  // order of fields is free.
  bool begin(Bytes& bytes) noexcept override {
    return guarded([&] {
      fill_buffer(model_.ByteSizeLong() + graph_.ByteSizeLong(), [&](CodedOutputStream& out) {
        model_.SerializeToCodedStream(&out);
        write_length(out, pb::ModelProto::kGraphFieldNumber, graph_size());
        graph_.SerializeToCodedStream(&out);
      });
      bytes = buffer();
    });
  }

  bool begin_weight(std::size_t index, Bytes& bytes) noexcept override {
    return guarded([&] {
      const Weight& weight = weights_.at(index);
      fill_buffer(weight.tensor.ByteSizeLong(), [&](CodedOutputStream& out) {
        write_length(out, pb::GraphProto::kInitializerFieldNumber, weight.size());
        weight.tensor.SerializeToCodedStream(&out);
        write_length(out, pb::TensorProto::kRawDataFieldNumber, weight.values);
      });
      bytes = buffer();
    });
  }

 private:
  struct Weight {
    pb::TensorProto tensor = {};  // without its values
    std::uint64_t values = 0;     // in bytes

    std::uint64_t size() const { return tensor.ByteSizeLong() + size_of_field(values); }
  };

  std::uint64_t graph_size() const {
    std::uint64_t size = graph_.ByteSizeLong();
    for (const Weight& weight : weights_) size += size_of_field(weight.size());
    return size;
  }

  /// `write` writes messages of `size` bytes and at most two lengths. A stream whose memory grows
  /// is no choice: where growing throws, its destructor writes into memory that is not there.
  template <class Write>
  void fill_buffer(std::size_t size, Write write) {
    constexpr std::size_t kMaxLengthBytes = 1 + 10;  // a tag, and 64 bits in groups of seven
    buffer_.resize(size + 2 * kMaxLengthBytes);
    ArrayOutputStream stream(buffer_.data(), static_cast<int>(buffer_.size()));
    int written = 0;
    {
      CodedOutputStream out(&stream);
      write(out);
      written = out.ByteCount();
    }
    buffer_.resize(static_cast<std::size_t>(written));
  }

  Bytes buffer() const {
    return {reinterpret_cast<const unsigned char*>(buffer_.data()), buffer_.size()};
  }

  pb::ModelProto model_;  // without its graph
  pb::GraphProto graph_;  // without `weights_`
  std::vector<Weight> weights_;
  std::string buffer_;
};

RawModel* create() noexcept { return new (std::nothrow) Model; }

constexpr Module kModule = {.version = kModuleVersion, .create = create};

}  // namespace
}  // namespace sapiens::onnx

extern "C" __attribute__((visibility("default"))) const void* sapiens_onnx_proto_module() noexcept {
  // Libraries do not print.
  google::protobuf::SetLogHandler(nullptr);
  return &sapiens::onnx::kModule;
}
