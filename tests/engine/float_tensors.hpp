#pragma once

#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "checkpoint/write.hpp"

namespace sapiens::test {

/// A tensor of a checkpoint whose name, shape and values tests may change.
struct FloatTensor {
  std::string key;
  std::vector<Index> shape;
  std::vector<float> values;
};

/// The floating-point tensors of a file. Counters are left out, because no model needs them.
inline std::vector<FloatTensor> read_floats(const std::filesystem::path& path) {
  std::vector<FloatTensor> tensors;
  const StateDict dict = open_checkpoint(path);
  for (const TensorEntry& entry : dict.tensors) {
    if (!is_floating(entry.dtype)) continue;
    FloatTensor tensor{.key = entry.key, .shape = entry.shape, .values = {}};
    tensor.values.resize(static_cast<std::size_t>(entry.numel()));
    read_f32(entry, 0, tensor.values);
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

/// Writes the tensors as safetensors.
inline void write_floats(const std::filesystem::path& path, const std::vector<FloatTensor>& tensors,
                         const std::map<std::string, std::string>& metadata = {}) {
  std::vector<TensorSource> sources;
  for (const FloatTensor& tensor : tensors) {
    sources.push_back({.key = tensor.key,
                       .dtype = DType::F32,
                       .shape = tensor.shape,
                       .read = [&tensor](Index first, std::span<std::byte> out) {
                         std::memcpy(out.data(), tensor.values.data() + first, out.size());
                       }});
  }
  write_safetensors(path, sources, metadata);
}

}  // namespace sapiens::test
