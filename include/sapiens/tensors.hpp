#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/dtype.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// A named tensor that owns its values.
struct Tensor {
  std::string key = {};               ///< State-dict key.
  DType dtype = DType::F32;           ///< Type of the elements.
  std::vector<Index> shape = {};      ///< Lengths of the axes.
  std::vector<std::byte> bytes = {};  ///< Elements in row-major order and native byte order.
};

/// A converted checkpoint in memory.
struct ConvertedTensors {
  ConvertResult result = {};         ///< Report and warnings.
  std::vector<Tensor> tensors = {};  ///< In the order in which a file would store them.
};

/// Like `convert_checkpoint`, but returns the tensors instead of writing them. Throws
/// `Error`: CheckpointRefused for an incomplete model, InvalidArgument for values that
/// `options.dtype` cannot represent, OutOfResources for a tensor that is too large.
ConvertedTensors convert_in_memory(const Checkpoint& checkpoint, const ConvertOptions& options = {},
                                   const Progress& progress = {});

}  // namespace sapiens
