#pragma once

#include "model/detect.hpp"
#include "sapiens/checkpoint.hpp"

namespace sapiens {

/// Converts `options` to hints for recognising the model. Throws `Error(InvalidArgument)` for
/// invalid values.
ModelHints hints_of(const ModelOptions& options);

}  // namespace sapiens
