#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sapiens/dtype.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// A value that every Python has: text, a number, a list or a dictionary.
struct PlainValue {
  using List = std::vector<PlainValue>;
  using Dict = std::vector<std::pair<PlainValue, PlainValue>>;

  std::variant<std::string, Index, double, List, Dict> value = {};

  bool operator==(const PlainValue&) const = default;
};

/// A tensor to be written: its description, and a function that produces its bytes on demand, so
/// that a file larger than memory can be written tensor by tensor.
struct TensorSource {
  std::string key = {};
  DType dtype = DType::F32;
  std::vector<Index> shape = {};
  /// Fills `out` with the bytes of elements [first, first + n) in row-major order, little-endian.
  std::function<void(Index first, std::span<std::byte> out)> read = {};
};

/// Called after each tensor with the bytes written so far and in total; may be empty.
using WriteProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// Writes a safetensors file (atomically: a temporary name, then a rename).
void write_safetensors(const std::filesystem::path& path, std::span<const TensorSource> tensors,
                       const std::map<std::string, std::string>& metadata,
                       const WriteProgress& progress = {});

/// How a `.pth` arranges its tensors.
struct TorchLayout {
  /// Put the tensors under "state_dict", with `attributes` as "meta" beside it (mmengine).
  /// Otherwise the top level is the flat dictionary, and `attributes` goes into the OrderedDict's
  /// `__dict__`, where torch.load keeps it and every loader ignores it.
  bool wrap_in_state_dict = false;
  PlainValue::Dict attributes = {};
};

/// Writes a PyTorch zip checkpoint that torch.load(weights_only=True) reads (atomically).
void write_torch_zip(const std::filesystem::path& path, std::span<const TensorSource> tensors,
                     const TorchLayout& layout, const WriteProgress& progress = {});

}  // namespace sapiens
