#include "onnx/encoder.hpp"
#include "sapiens/error.hpp"

namespace sapiens::onnx {

Encoded encode_sapiens2(Graph&, const EncoderConfig&, const Images&) {
  throw Error(ErrorCode::InvalidArgument, {.summary = "Sapiens2 is not written yet"});
}

}  // namespace sapiens::onnx
