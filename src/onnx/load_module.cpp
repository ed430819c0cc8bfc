#include "core/load_module.hpp"

#include <string>

#include "onnx/module.hpp"
#include "sapiens/onnx.hpp"

namespace sapiens {
namespace onnx {
namespace {

constexpr ModuleFile kOnnxModule{
    .file = kModuleFile,
    .entry = kModuleEntry,
    .version = kModuleVersion,
    .needs = "the onnx library (Debian, Ubuntu: apt-get install libonnx-dev libprotobuf-dev)",
    .absent = "this sapiens cannot write ONNX files"};

}  // namespace

const Module& require_module(const char* file) {
  return *static_cast<const Module*>(sapiens::require_module(kOnnxModule, file));
}

}  // namespace onnx

bool onnx_available(std::string* why) { return module_available(onnx::kOnnxModule, why); }

}  // namespace sapiens
