#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "checkpoint/write.hpp"
#include "onnx/module.hpp"

namespace sapiens::onnx {

struct WrittenFiles {
  std::vector<std::filesystem::path> paths = {};
  std::uint64_t bytes = 0;
  bool other_data = false;  ///< There is a `data_path_of` that is not part of the graph.
};

/// Protobuf reads no message of 2 GiB or more; the rest is room for tools that add to the graph.
inline constexpr std::uint64_t kMaxSingleFile = (std::uint64_t{1} << 31) - (std::uint64_t{1} << 26);

/// Where the weights of the graph `path` are if they are in a file of their own.
std::filesystem::path data_path_of(const std::filesystem::path& path);

/// Writes the graph and its `weights`, which it does not have yet, to `path`; the weights go to
/// `data_path_of(path)` if one file would have more than `max_single_file` bytes. Files are
/// replaced atomically: at no time is there a graph beside weights that are not its own.
WrittenFiles write_model(const std::filesystem::path& path, RawModel& model,
                         std::span<const TensorSource> weights, const WriteProgress& progress,
                         std::uint64_t max_single_file = kMaxSingleFile);

}  // namespace sapiens::onnx
