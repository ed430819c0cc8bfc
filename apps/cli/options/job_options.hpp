#pragma once

#include <sapiens/features.hpp>
#include <string>
#include <vector>

namespace sapiens::cli {

/// What the commands that work through images have in common.
struct JobOptions {
  std::string checkpoint;
  std::vector<std::string> inputs;
  std::string output;
  bool recursive = false;
  bool resume = false;
  bool viz = false;
  ModelOptions model;  // its input_size is --size
  EngineOptions engine;
};

}  // namespace sapiens::cli
