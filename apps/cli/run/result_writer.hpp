#pragma once

#include <optional>
#include <sapiens/features.hpp>
#include <span>
#include <vector>

#include "cli/run/batch_reader.hpp"
#include "cli/run/jobs.hpp"
#include "cli/run/run_context.hpp"

namespace sapiens::cli {

/// A batch that went through the encoder.
struct ComputedBatch {
  Batch batch = {};                        ///< Its frames are not needed any more.
  std::vector<LayerFeatures> layers = {};  ///< Of all its frames; empty after an error.
  std::optional<Error> error = {};         ///< Of the whole batch.
};

/// Writes the files of jobs and says which failed, both in the order of the jobs.
class ResultWriter {
 public:
  ResultWriter(const RunContext& context, std::span<const Job> jobs)
      : context_(context), jobs_(jobs), results_(jobs.size()) {}

  /// Throws when the disk is full or cannot be written; what is wrong with one input becomes its
  /// result.
  void write(ComputedBatch computed);

  /// One per job, after all have been written.
  std::vector<JobResult> take_results() { return std::move(results_); }

 private:
  void write_item(BatchItem& item, const ComputedBatch& computed) const;
  void write_files(BatchItem& item, const ComputedBatch& computed) const;
  void draw(const Image& image, Grid size, std::span<const float> features,
            const std::filesystem::path& path) const;

  const RunContext& context_;
  std::span<const Job> jobs_;
  std::vector<JobResult> results_;
};

}  // namespace sapiens::cli
