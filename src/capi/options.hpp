#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "sapiens/checkpoint.hpp"
#include "sapiens/detector.hpp"
#include "sapiens/features.hpp"
#include "sapiens/onnx.hpp"
#include "sapiens/reconstruct.hpp"
#include "sapiens/sapiens.h"
#include "sapiens/tasks.hpp"

namespace sapiens::capi {

/// Copies what starts with its own size into `known`, whose fields beyond that size stay as they
/// are. Throws InvalidArgument for sizes that cannot be, and where what lies beyond `known` is not
/// 0: a field that this version does not know.
void copy_known_fields(const void* given, std::span<std::byte> known, const char* name);

/// A struct of any version of the header as this version has it; defaults for NULL.
template <typename Struct>
Struct known_fields(const Struct* given, const char* name) {
  Struct known;
  SAPIENS_INIT(&known);
  if (given) {
    copy_known_fields(given, std::as_writable_bytes(std::span(&known, 1)), name);
    known.struct_size = sizeof known;
  }
  return known;
}

// Each throws InvalidArgument for numbers that mean nothing. NULL gives the defaults.

ModelOptions model_options(const sapiens_model_options* given);
EngineOptions engine_options(const sapiens_engine_options* given);

/// `size` is the size that images are resized to; empty: the input size of the model.
struct FeaturesOptions {
  FeatureOptions features = {};
  PreprocessMode mode = PreprocessMode::Full;
  std::optional<Grid> size = {};
};
FeaturesOptions features_options(const sapiens_features_options* given);

RunOptions run_options(const sapiens_task_options* given);

DetectOptions detect_options(const sapiens_detect_options* given);

/// What refers to memory of the caller's still does.
ReconstructOptions reconstruct_options(const sapiens_reconstruct_options* given);

struct ConvertCall {
  ConvertOptions options = {};
  Progress progress = {};
};
ConvertCall convert_call(const sapiens_convert_options* given);

struct OnnxCall {
  OnnxOptions options = {};
  Progress progress = {};
};
OnnxCall onnx_call(const sapiens_onnx_options* given);

}  // namespace sapiens::capi
