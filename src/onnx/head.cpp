#include "onnx/head.hpp"

#include "sapiens/error.hpp"

namespace sapiens::onnx {

void add_head(Graph&, const EncoderConfig&, const HeadConfig&, const Encoded&) {
  throw Error(ErrorCode::InvalidArgument, {.summary = "heads are not written yet"});
}

}  // namespace sapiens::onnx
