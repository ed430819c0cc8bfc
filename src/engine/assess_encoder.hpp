#pragma once

#include <memory>

#include "engine/assess.hpp"

namespace sapiens {

/// A file as an encoder.
struct EncoderAssessment {
  std::shared_ptr<const Assessment> assessment;
  Inspection inspection;
  bool partial = false;  ///< Parameters are missing, which `allow_partial` permits.
};

/// Throws CheckpointRefused for an encoder that is not complete, unless `model.allow_partial`, and
/// InvalidArgument where the number of heads is not known.
EncoderAssessment assess_encoder(const Checkpoint& checkpoint, const ModelOptions& model);

}  // namespace sapiens
