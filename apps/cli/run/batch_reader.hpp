#pragma once

#include <functional>
#include <optional>
#include <sapiens/features.hpp>
#include <sapiens/image.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/options/features_options.hpp"
#include "cli/run/jobs.hpp"

namespace sapiens::cli {

/// One job on its way through a run.
struct BatchItem {
  std::size_t job = 0;              ///< Its place among the jobs.
  JobResult result = {};            ///< What is known of it so far.
  Index first = 0;                  ///< Of its frames in the batch.
  Index count = 0;                  ///< 0 if it could not be read.
  bool has_batch_axis = false;      ///< Read as [N, 3, H, W]: the output keeps the N.
  std::string doubt = {};           ///< About the numbers of an array; mostly empty.
  std::optional<Image> image = {};  ///< To draw on.
};

/// Consecutive jobs whose frames have one size.
struct Batch {
  std::vector<BatchItem> items = {};
  Grid size = {};
  Index count = 0;
  std::vector<float> frames = {};  ///< Preprocessed, [count, 3, H, W].
};

/// Reads and preprocesses the inputs of jobs, batch by batch. An input that cannot be read becomes
/// an item with an error.
class BatchReader {
 public:
  BatchReader(const Encoder& encoder, const FeaturesOptions& options, std::span<const Job> jobs)
      : encoder_(encoder), options_(options), jobs_(jobs) {}

  /// The next --batch inputs of one size, fewer before another size, more only if one array holds
  /// more; nothing after the last. Stops between two inputs when `is_cancelled`.
  std::optional<Batch> next(const std::function<bool()>& is_cancelled);

 private:
  struct Input {
    BatchItem item = {};
    Grid size = {};
    std::vector<float> frames = {};
  };

  bool has_next() const { return waiting_ || next_job_ < jobs_.size(); }
  bool is_full(const Batch& batch) const;
  bool fits(const Input& input, const Batch& batch) const;
  void add(Input input, Batch& batch) const;
  Input load(std::size_t job) const;
  Input read(const Job& job) const;
  Input read_image(const Job& job) const;

  const Encoder& encoder_;
  const FeaturesOptions& options_;
  std::span<const Job> jobs_;
  std::size_t next_job_ = 0;
  std::optional<Input> waiting_;  // did not fit into the last batch
};

}  // namespace sapiens::cli
