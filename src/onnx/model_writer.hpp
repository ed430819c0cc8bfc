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
};

/// Writes the graph and its `weights`, which it does not have yet, to `path`; the weights go to
/// `path` with ".data" behind it if one file would have 2 GB or more. Files are replaced
/// atomically: at no time is there a graph beside weights that are not its own.
WrittenFiles write_model(const std::filesystem::path& path, RawModel& model,
                         std::span<const TensorSource> weights, const WriteProgress& progress);

}  // namespace sapiens::onnx
