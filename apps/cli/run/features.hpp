#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <sapiens/dtype.hpp>
#include <sapiens/features.hpp>
#include <string>
#include <vector>

#include "cli/options/task_options.hpp"
#include "cli/run/feature_files.hpp"
#include "cli/run/feature_pooling.hpp"
#include "cli/run/runner.hpp"

namespace sapiens::cli {

/// What features become: a file for each, or files for many.
enum class FeatureFormat { Npy, WebDataset, NpyShards };

/// What --format and the options beside it say.
struct DatasetArguments {
  FeatureFormat format = FeatureFormat::Npy;
  std::uint64_t shard_bytes = 1'000'000'000;
  std::optional<std::string> part = {};  ///< --shard
  bool shared = false;

  /// True where inputs are worked on by shard.
  bool is_on() const { return format != FeatureFormat::Npy || shared || (part && *part != "none"); }
};

/// What a user gave to `sapiens features`.
struct FeatureArguments : JobOptions {
  FeatureOptions features;
  PreprocessMode preprocess = PreprocessMode::Full;
  DType dtype = DType::F32;
  PoolArguments pool;
  DatasetArguments dataset;
  Index batch = 1;
  VideoOptions video;
};

/// True where --viz draws something: a form that is a map.
bool draws_features(const FeatureArguments& options);

/// What happens to features between the encoder and the files.
struct FeatureOutput {
  const FeaturePooling& pooling;
  const std::vector<FeatureName>& names;  ///< Of the arrays of every input.
  FeatureSink& sink;
};

/// The bytes of all arrays of one image; boxes are counted as ten for each.
std::uint64_t bytes_per_image(const Encoder& encoder, const FeatureArguments& options,
                              std::size_t layers);

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
