#pragma once

#include "model/detect.hpp"
#include "sapiens/checkpoint.hpp"

namespace sapiens {

/// What `options` say of the model. Throws `Error(InvalidArgument)` for values that make no sense.
ModelHints hints_of(const ModelOptions& options);

}  // namespace sapiens
