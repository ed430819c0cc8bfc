#pragma once

#include <array>
#include <span>
#include <string_view>

#include "nn/layer_weights.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Throws `Error(ShapeMismatch)` unless `numbers` are `size` numbers.
inline void expect_vector(std::string_view name, std::span<const float> numbers, Index size) {
  expect_shape(name, TensorView<const float, 1>(numbers.data(), {std::ssize(numbers)}), {size});
}

/// Throws `Error(ShapeMismatch)` unless `rows` can be the outputs [first_row, first_row + n) of a
/// layer. Returns first_row + n.
inline Index expect_rows_of_weight(const LinearWeights& linear, Index first_row, ConstMatrix rows) {
  expect_shape("linear: rows of the weight", rows, {kAny, linear.in});
  const Index end = first_row + rows.extent(0);
  if (first_row < 0 || end > linear.out) {
    throw_shape_mismatch("linear: rows of the weight", std::array{linear.out, linear.in},
                         std::array{end, linear.in});
  }
  return end;
}

}  // namespace sapiens
