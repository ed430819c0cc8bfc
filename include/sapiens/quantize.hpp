#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sapiens/float_array.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// An array in 8 bits with a scale per row, which is the last axis: x is about q * scale.
struct QuantizedRows {
  std::vector<Index> shape = {};         ///< Of the values.
  std::vector<std::int8_t> values = {};  ///< -127 to 127.
  FloatArray scales = {};                ///< One per row: `shape` without its last axis.
};

/// Rounds each row to multiples of scale = max|x| / 127, so that |x - q * scale| <= scale / 2. A
/// row of zeros has scale 0; otherwise a scale is at least the smallest normal float, 1.2e-38.
/// Throws `Error`: ShapeMismatch when `values` do not fill `shape`, InvalidArgument for NaN and
/// infinity.
QuantizedRows quantize_rows(std::span<const Index> shape, std::span<const float> values);

}  // namespace sapiens
