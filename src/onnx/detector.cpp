#include "onnx/detector.hpp"

#include "sapiens/error.hpp"

namespace sapiens::onnx {

void add_detector(Graph&, const RtmDetConfig&, const OnnxOptions&) {
  throw Error(ErrorCode::InvalidArgument, {.summary = "detectors are not written yet"});
}

}  // namespace sapiens::onnx
