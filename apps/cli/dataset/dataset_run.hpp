#pragma once

#include <cstddef>
#include <memory>
#include <sapiens/features.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/dataset/run_records.hpp"
#include "cli/dataset/shard_inputs.hpp"
#include "cli/dataset/shard_journal.hpp"
#include "cli/dataset/shard_plan.hpp"
#include "cli/options/options.hpp"
#include "cli/run/claims.hpp"
#include "cli/run/feature_files.hpp"
#include "cli/run/features.hpp"

// Features of inputs that are worked on by shard, perhaps by many processes at once.
namespace sapiens::cli {

/// What one process of a run did and saw.
struct DatasetResult {
  static constexpr std::size_t kMaxFailures = 100;

  ShardCounts counts = {};    ///< Of inputs, by this process.
  ShardCounts before = {};    ///< By earlier owners of the shards that this one went on with.
  Index finished = 0;         ///< Shards that this process completed.
  Index finished_before = 0;  ///< Shards of its part that were complete, or became so elsewhere.
  std::vector<std::string> elsewhere = {};  ///< Shards of its part that others work on.
  std::vector<FailedInput> failures = {};   ///< Inputs and archives, the first kMaxFailures.
  bool memory_ran_out = false;              ///< For an input of this process.
  Index damaged = 0;  ///< Archives of which something was lost, and shards that changed meanwhile.
  LeftOutList left_out = {};  ///< Of archives.
  Json merged = {};           ///< RunRecords::merge
};

/// Computes features shard by shard.
class DatasetRun {
 public:
  /// All arguments must outlive it.
  DatasetRun(Encoder& encoder, const FeatureArguments& options, const FeaturePooling& pooling,
             const std::vector<FeatureName>& names, Session& session);

  /// Works through the shards of `part` that are not complete and that no other process works on;
  /// what is wrong with one input is recorded. Throws as run_source does, and for `settings` that
  /// are not those of the run in the output folder.
  /// `failed` are inputs that were named and cannot be read, which the run lacks.
  DatasetResult run(std::span<const InputShard> shards, const RunPart& part, const Json& settings,
                    std::span<const FailedInput> failed);

 private:
  /// Of standard input, which no size and no time tells from what it was. Throws InvalidArgument.
  /// Whether there is nothing to do: it is complete, and `--resume` has no input to try again.
  bool is_done(const InputShard& shard) const;
  void expect_inputs_of_record(const InputShard& shard);
  /// False where another process owns it, and where it took it over meanwhile.
  bool try_shard(const InputShard& shard);
  void wait_for_others(std::vector<const InputShard*> others);
  bool work_on(const InputShard& shard, Claim& claim);
  void compute(const InputShard& shard, ShardInputs& inputs, FeatureShard& files,
               ShardJournal& journal, const Claim& claim);
  void complete(const InputShard& shard, const Json& source, const ShardInputs& inputs,
                FeatureShard& files, const ShardJournal& journal, Claim& claim);
  std::unique_ptr<FeatureShard> open_files(const InputShard& shard, const Claim& claim) const;
  void note_damage(const InputShard& shard, const Error& error);
  void note_failure(const std::string& input, const Error& error);

  Encoder& encoder_;
  const FeatureArguments& options_;
  const FeaturePooling& pooling_;
  const std::vector<FeatureName>& names_;
  Session& session_;
  RunRecords records_;
  Claims claims_;
  DatasetResult result_;
};

/// How many loose files make a shard: about `DatasetArguments::shard_bytes` of results.
std::size_t images_per_shard(const Encoder& encoder, const FeatureArguments& options,
                             std::size_t layers);

/// What a run says at its end.
struct DatasetSummary {
  const DatasetResult& result;
  const FeatureArguments& options;
  const Inputs& inputs;
  const RunPart& part;
  const Json& settings;
  EngineStats stats;
  double seconds = 0;

  Index failures() const;
  std::string text() const;
  Json json() const;
};

/// Prints the summary, as text or JSON, and sets the exit code.
void report(const DatasetSummary& summary, Session& session);

}  // namespace sapiens::cli
