#pragma once

#include <sapiens/results.hpp>
#include <string>
#include <vector>

#include "job_options.hpp"

namespace sapiens::cli {

/// The command line of `sapiens pose`, `seg`, `depth` and `normal`.
struct TaskOptions : JobOptions {
  std::string task;        ///< The command's name.
  std::string mask;        ///< Folder of masks that drawings of depth and normals respect.
  std::vector<Box> boxes;  ///< Persons in every picture.
  std::string boxes_file;  ///< Persons in each picture.
  bool flip_test = true;
};

}  // namespace sapiens::cli
