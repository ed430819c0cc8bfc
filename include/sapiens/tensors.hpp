#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/dtype.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// A tensor in memory.
struct Tensor {
  std::string key = {};
  DType dtype = DType::F32;
  std::vector<Index> shape = {};
  std::vector<std::byte> bytes = {};  ///< Row-major, in the machine's byte order.
};

struct ConvertedTensors {
  ConvertResult result = {};
  std::vector<Tensor> tensors = {};
};

/// What `convert_checkpoint` would write, in memory instead of in a file. Refuses what it refuses,
/// and throws OutOfResources for a tensor that is too large.
ConvertedTensors convert_in_memory(const Checkpoint& checkpoint, const ConvertOptions& options = {},
                                   const Progress& progress = {});

}  // namespace sapiens
