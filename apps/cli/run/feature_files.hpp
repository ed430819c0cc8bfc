#pragma once

#include <filesystem>
#include <sapiens/dtype.hpp>
#include <sapiens/features.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/run/jobs.hpp"

namespace sapiens::cli {

/// Which of the arrays of one input it is.
struct FeatureName {
  /// "featmap", "layer05" or "layer05.featmap": what tells it from the others of its input. Empty
  /// where every input has one array.
  std::string text = {};
  Index layer = 0;
  OutType out_type = OutType::Featmap;
};

/// The arrays that each input of a run gives, the blocks in ascending order, of each the forms in
/// the order given.
std::vector<FeatureName> feature_names(std::span<const Index> layers,
                                       std::span<const OutType> out_types);

/// One array of one input. Does not own the numbers.
struct FeatureArray {
  FeatureName name = {};
  std::vector<Index> shape = {};
  std::span<const float> values = {};
};

/// Where features go. One sink serves a whole run; the arrays of one input arrive together, on the
/// thread that writes.
class FeatureSink {
 public:
  FeatureSink() = default;
  FeatureSink(const FeatureSink&) = delete;
  FeatureSink& operator=(const FeatureSink&) = delete;
  virtual ~FeatureSink() = default;

  /// Stores the arrays of the input whose results are called `key` (`Job::name`), converted to
  /// `dtype`, which holds all of their numbers. Throws WriteFailed or OutOfResources.
  virtual void write(const std::filesystem::path& key, std::span<const FeatureArray> arrays,
                     DType dtype) = 0;
};

/// One .npy file per array; int8 has a second one with the scales of its rows.
class NpyFeatureFiles : public FeatureSink {
 public:
  /// Files lie below `folder`, those of `partial` models are called so.
  NpyFeatureFiles(std::filesystem::path folder, bool partial);

  /// The files of one input, in the order of `names`, scales behind their array.
  std::vector<JobFile> files_of(const std::filesystem::path& key,
                                std::span<const FeatureName> names, DType dtype) const;
  /// The drawing of --viz.
  std::filesystem::path image_of(const std::filesystem::path& key) const;

  void write(const std::filesystem::path& key, std::span<const FeatureArray> arrays,
             DType dtype) override;

 private:
  std::filesystem::path file_of(const std::filesystem::path& key, const std::string& suffix) const;

  std::filesystem::path folder_;
  bool partial_;
};

}  // namespace sapiens::cli
