#pragma once

#include <sapiens/dtype.hpp>
#include <sapiens/features.hpp>

#include "cli/options/job_options.hpp"

namespace sapiens::cli {

/// The command line of `sapiens features`.
struct FeaturesOptions : JobOptions {
  FeatureOptions features;
  PreprocessMode preprocess = PreprocessMode::Full;
  DType dtype = DType::F32;
  Index batch = 1;
};

}  // namespace sapiens::cli
