#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "checkpoint/write.hpp"
#include "core/shape.hpp"

namespace sapiens {

/// The tensors of a checkpoint, to be renamed, damaged and written again.
class TensorFile {
 public:
  struct Entry {
    std::string key;
    DType dtype = DType::F32;
    std::vector<Index> shape = {};
    std::vector<std::byte> bytes = {};
    bool operator==(const Entry&) const = default;
  };

  TensorFile() = default;
  explicit TensorFile(const std::filesystem::path& path) {
    const StateDict dict = open_checkpoint(path);
    for (const TensorEntry& tensor : dict.tensors) {
      add(tensor.path(), tensor.shape, tensor.dtype);
      read_raw(tensor, 0, entries_.back().bytes);
    }
  }

  const std::vector<Entry>& entries() const { return entries_; }

  /// Adds zeros.
  TensorFile& add(const std::string& key, std::vector<Index> shape, DType dtype = DType::F32) {
    const auto values = static_cast<std::size_t>(checked_numel(shape).value());
    entries_.push_back({.key = key,
                        .dtype = dtype,
                        .shape = std::move(shape),
                        .bytes = std::vector<std::byte>(values * dtype_size(dtype))});
    return *this;
  }
  TensorFile& add(const TensorFile& other, const std::string& prefix = "") {
    for (Entry entry : other.entries_) {
      entry.key.insert(0, prefix);
      entries_.push_back(std::move(entry));
    }
    return *this;
  }
  /// Replaces the values by zeros of another shape.
  TensorFile& reshape(const std::string& key, std::vector<Index> shape) {
    remove([&](std::string_view name) { return name == key; });
    return add(key, std::move(shape));
  }
  /// Gives all values of the float32 tensor `key` one value.
  TensorFile& fill(const std::string& key, float value) {
    Entry& entry = *std::ranges::find(entries_, key, &Entry::key);
    for (std::size_t at = 0; at < entry.bytes.size(); at += sizeof value)
      std::memcpy(entry.bytes.data() + at, &value, sizeof value);
    return *this;
  }
  TensorFile& remove(const std::function<bool(std::string_view)>& unwanted) {
    std::erase_if(entries_, [&](const Entry& entry) { return unwanted(entry.key); });
    return *this;
  }
  TensorFile& remove(const std::string& key) {
    return remove([&](std::string_view name) { return name == key; });
  }

  /// Writes ".pth" or ".safetensors".
  std::string write(const std::string& path) const {
    std::vector<TensorSource> sources;
    for (const Entry& entry : entries_) {
      sources.push_back({.key = entry.key,
                         .dtype = entry.dtype,
                         .shape = entry.shape,
                         .read = [&entry](Index first, std::span<std::byte> out) {
                           const auto at =
                               static_cast<std::size_t>(first) * dtype_size(entry.dtype);
                           std::copy_n(entry.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                       out.size(), out.begin());
                         }});
    }
    if (path.ends_with(".pth")) {
      write_torch_zip(path, sources, {});
    } else {
      write_safetensors(path, sources, {});
    }
    return path;
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace sapiens
