#pragma once

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Throws `Error(InvalidArgument)` unless both are positive and make at most 2^28 pixels.
void expect_target_size(Index height, Index width);

}  // namespace sapiens
