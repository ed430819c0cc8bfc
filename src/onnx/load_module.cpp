#include "core/load_module.hpp"

#include <string>

#include "onnx/module.hpp"
#include "sapiens/error.hpp"
#include "sapiens/onnx.hpp"

namespace sapiens {
namespace onnx {
namespace {

constexpr ModuleFile kOnnxModule{
    .file = kModuleFile,
    .entry = kModuleEntry,
    .version = kModuleVersion,
    .needs = "the onnx library (Debian, Ubuntu: apt-get install libonnx-dev libprotobuf-dev)"};

}  // namespace

const Module& require_module(const char* file) {
  MissingModule missing;
  if (const void* const module = load_module(kOnnxModule, missing)) {
    return *static_cast<const Module*>(module);
  }
  throw Error(ErrorCode::UnsupportedFormat, {.summary = "this sapiens cannot write ONNX files",
                                             .file = file,
                                             .actual = missing.reason,
                                             .hint = missing.hint});
}

}  // namespace onnx

bool onnx_available(std::string* why) {
  MissingModule missing;
  if (load_module(onnx::kOnnxModule, missing)) return true;
  if (why) *why = missing.reason + "; " + missing.hint;
  return false;
}

}  // namespace sapiens
