#pragma once

#include <sapiens/dtype.hpp>
#include <sapiens/features.hpp>
#include <string>
#include <vector>

namespace sapiens::cli {

/// The command line of `sapiens features`.
struct FeaturesOptions {
  std::string checkpoint;
  std::vector<std::string> inputs;
  std::string output;
  FeatureRequest request;
  PreprocessMode preprocess = PreprocessMode::Full;
  DType dtype = DType::F32;
  Index batch = 1;
  bool recursive = false;
  bool resume = false;
  bool viz = false;
  ModelOptions model;  // its input_size is --size
  EngineOptions engine;
};

}  // namespace sapiens::cli
