#pragma once

#include <filesystem>
#include <sapiens/features.hpp>
#include <string>

namespace sapiens::cli {

/// Inputs that were preprocessed already, [3, H, W] or [N, 3, H, W].
struct PreparedArray {
  FloatArray array = {};
  std::string doubt = {};  ///< Why its numbers do not look prepared; mostly empty.
};

/// Reads a `.npy`. Throws `Error` as `read_npy` does, and where the array is an image rather than a
/// prepared input, by its type or its shape, says so instead of how to convert it.
PreparedArray read_prepared(const std::filesystem::path& path);

}  // namespace sapiens::cli
