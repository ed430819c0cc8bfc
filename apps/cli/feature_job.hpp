#pragma once

#include <filesystem>
#include <optional>
#include <sapiens/error.hpp>
#include <sapiens/tensor_view.hpp>
#include <vector>

#include "inputs.hpp"

namespace sapiens::cli {

/// One input and the files it becomes.
struct Job {
  InputFile input = {};
  std::vector<std::filesystem::path> arrays = {};  ///< One per layer, in ascending order.
  std::filesystem::path picture = {};              ///< Of --viz; empty without.
};

/// What became of one job.
struct JobResult {
  std::vector<Index> shape = {};  ///< Of each array.
  double seconds = 0;             ///< Reading and writing, and a share of the forward pass.
  std::optional<Error> error = {};
};

/// True for an error that only one input has; others may go on.
inline bool is_about_the_input(const Error& error) {
  return error.code() == ErrorCode::ShapeMismatch || error.code() == ErrorCode::InvalidArgument;
}

}  // namespace sapiens::cli
