#pragma once

#include "model/detect.hpp"
#include "sapiens/checkpoint.hpp"

namespace sapiens {

/// Converts `options` to hints for recognising the model. Throws `Error(InvalidArgument)` for
/// invalid values.
ModelHints hints_of(const ModelOptions& options);

/// Throws `Error(InvalidArgument)` for hints that contradict the recognised `model`, or that mean
/// nothing for its family.
void expect_hints_for(const DetectedModel& model, const ModelHints& hints);

}  // namespace sapiens
