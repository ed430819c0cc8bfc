#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "checkpoint/pickle.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Enough for metadata such as the colours of 308 keypoints; larger arrays are not read as
/// metadata.
inline constexpr std::size_t kMaxNumpyValues = 4096;

struct NumpyArray {
  std::vector<Index> shape;
  std::vector<double> values;  ///< Row-major.
};

/// The NumPy array that `node` describes; nullopt if it is not an array, is not numeric, is
/// byte-swapped or in Fortran order, or has more than kMaxNumpyValues elements.
std::optional<NumpyArray> read_numpy_array(const PickleGraph& graph, NodeId node);

}  // namespace sapiens
