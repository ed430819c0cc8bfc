#pragma once

#include <memory>

#include "engine/assess.hpp"

namespace sapiens {

/// A file as encoder and decoder of the masked autoencoder.
struct ReconstructionAssessment {
  std::shared_ptr<const Assessment> assessment;
  Inspection inspection;
};

/// Throws CheckpointRefused for a file that is not complete or does not fit together, and
/// InvalidArgument for options under which nothing can be reconstructed.
ReconstructionAssessment assess_for_reconstruction(const Checkpoint& checkpoint,
                                                   const ModelOptions& model);

}  // namespace sapiens
