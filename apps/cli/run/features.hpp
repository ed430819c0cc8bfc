#pragma once

#include <filesystem>
#include <memory>
#include <sapiens/dtype.hpp>
#include <sapiens/features.hpp>
#include <string>
#include <vector>

#include "cli/options/task_options.hpp"
#include "cli/run/feature_files.hpp"
#include "cli/run/feature_pooling.hpp"
#include "cli/run/runner.hpp"

namespace sapiens::cli {

/// What a user gave to `sapiens features`.
struct FeatureArguments : JobOptions {
  FeatureOptions features;
  PreprocessMode preprocess = PreprocessMode::Full;
  DType dtype = DType::F32;
  PoolArguments pool;
  Index batch = 1;
  VideoOptions video;
};

/// True where --viz draws something: a form that is a map.
bool draws_features(const FeatureArguments& options);

/// What happens to features between the encoder and the files.
struct FeatureOutput {
  FeaturePooling pooling;
  std::vector<FeatureName> names;  ///< Of the arrays of every input.
  FeatureSink& sink;
};

/// Inputs that were preprocessed already, [3, H, W] or [N, 3, H, W].
struct PreparedArray {
  FloatArray array = {};
  std::string doubt = {};  ///< Why its numbers do not look prepared; mostly empty.
};

/// Reads a `.npy`. Throws `Error` as `read_npy` does, and where the array is an image rather than a
/// prepared input, by its type or its shape, says so instead of how to convert it.
PreparedArray read_prepared(const std::filesystem::path& path);

/// An image, or an array of several, on its way through the encoder.
struct FeatureItem : RunItem {
  FloatArray pixels = {};  ///< [3, H, W] or [count, 3, H, W]; gone once the features are computed.
  bool has_batch_axis = false;  ///< Read as [N, 3, H, W]: the output keeps the N.
  Grid size = {};               ///< Of the pixels.
  Grid image_size = {};         ///< Of the image before it was resized; of an array its own.
  PoolRegion region = {};       ///< What of the image --pool counts.
  /// The features of all images of the batch; those of this item begin at `first`.
  std::shared_ptr<const std::vector<LayerFeatures>> layers = {};
  Index first = 0;
};

/// Reads images and arrays, runs batches of one size through the encoder and hands the arrays of
/// each input to the sink. All arguments must outlive the steps.
JobSteps<FeatureItem> feature_steps(Encoder& encoder, const FeatureArguments& options,
                                    const FeatureOutput& output);

}  // namespace sapiens::cli
