#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <string>

#include "onnx/module.hpp"

namespace sapiens {

/// The content of an ONNX file. The test fails where it is none.
::onnx::ModelProto read_graph(const std::filesystem::path& path);

/// The tensor `name` of the graph. The test fails where there is none.
const ::onnx::TensorProto& tensor_named(const ::onnx::ModelProto& model, const std::string& name);

/// A value of the external data of a tensor: "location", "offset", "length"; empty if absent.
std::string external(const ::onnx::TensorProto& tensor, const std::string& key);

/// How often the field `number` occurs in the message that the bytes are.
int count_fields(const std::string& bytes, int number);

}  // namespace sapiens
