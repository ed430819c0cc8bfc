#pragma once

#include <cstddef>
#include <span>

#include "sapiens/dtype.hpp"

namespace sapiens {

/// Stores `values` as F32, F16 or BF16, little-endian, rounded to nearest even; `out` holds exactly
/// as many elements.
void encode_floats(std::span<const float> values, DType dtype, std::span<std::byte> out) noexcept;

}  // namespace sapiens
