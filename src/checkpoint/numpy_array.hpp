#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "checkpoint/pickle.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Colours of 308 keypoints and the like; what is larger is no note about a model.
inline constexpr std::size_t kMaxNumpyValues = 4096;

struct NumpyArray {
  std::vector<Index> shape;
  std::vector<double> values;  ///< Row-major.
};

/// The NumPy array that `node` describes; nothing if it is something else, of a type without
/// numbers, byte-swapped, in Fortran order, or larger than kMaxNumpyValues.
std::optional<NumpyArray> read_numpy_array(const PickleGraph& graph, NodeId node);

}  // namespace sapiens
