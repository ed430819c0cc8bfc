#pragma once

#include <algorithm>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// A dense array of float32 that owns its numbers.
struct FloatArray {
  std::vector<Index> shape = {};
  std::vector<float> values = {};

  /// The numbers as a view, valid as long as this array stays as it is. Throws ShapeMismatch unless
  /// the array has `Rank` axes.
  template <int Rank>
  TensorView<const float, Rank> view() const {
    typename TensorView<const float, Rank>::Extents extents;
    if (shape.size() != extents.size()) {
      extents.fill(kAny);
      throw_shape_mismatch("array", extents, shape);
    }
    std::copy(shape.begin(), shape.end(), extents.begin());
    return {values.data(), extents};
  }
};

}  // namespace sapiens
