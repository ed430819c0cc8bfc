#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/dtype.hpp"
#include "sapiens/report.hpp"
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

/// The parameters of a model, for a program that computes with them itself.
struct ModelTensors {
  Inspection inspection = {};  ///< What the model is, and how its parameters were found.
  Index decoder_heads = 0;     ///< Attention heads of the decoder; 0 for a model without one.
  bool partial = false;        ///< `allow_partial` let parameters be zero, NaN or infinite.
  /// In the order of the network, under the names of the original's modules: "backbone.", then
  /// "head.", "decode_head." or "neck.".
  std::vector<Tensor> tensors = {};
};

/// Reads all parameters that `use` needs; by default those of what the file is, an encoder or an
/// encoder with its head. Numbers of 16 bits stay such, all others become float32. Refuses what
/// Encoder, TaskModel and Reconstructor refuse, with the same errors. Memory: the tensors, and a
/// few MB.
ModelTensors read_model(const Checkpoint& checkpoint, std::optional<Use> use = {},
                        const ModelOptions& options = {}, const Progress& progress = {});

}  // namespace sapiens
