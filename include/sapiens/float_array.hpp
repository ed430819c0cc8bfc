#pragma once

#include <algorithm>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// A dense, row-major array of float32 that owns its values.
struct FloatArray {
  std::vector<Index> shape = {};   ///< Lengths of the axes, outermost first.
  std::vector<float> values = {};  ///< As many as the product of `shape`.

  /// A view of the values, valid until this array is changed or destroyed. Throws
  /// `Error(ShapeMismatch)` unless the array has `Rank` axes.
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
