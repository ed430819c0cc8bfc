#pragma once

#include <filesystem>
#include <optional>
#include <sapiens/error.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/dataset/shard_journal.hpp"
#include "cli/dataset/shard_plan.hpp"
#include "cli/run/claims.hpp"

// What the processes of a run know of each other's work lies in its output folder (docs/datasets.md
// has the layout).
namespace sapiens::cli {

/// OUTPUT/sapiens-index.
std::filesystem::path index_folder(const std::filesystem::path& output);

/// That a shard is complete.
struct ShardRecord {
  Json source = {};  ///< `source_of`
  ShardCounts counts = {};
  Index retry = 0;     ///< Of `counts.failed`, those that `ShardJournal::write_index` returned.
  Json left_out = {};  ///< Of an archive; see LeftOutList.
  /// Below the output folder, those of `FeatureShard::files`.
  std::vector<std::filesystem::path> files = {};
  std::optional<Json> error = {};  ///< Why the rest of an archive was lost.
};

/// The records of one run.
class RunRecords {
 public:
  /// `process` differs between processes, and is the name of temporary files in the folder of
  /// claims.
  RunRecords(std::filesystem::path output, const std::string& process);

  /// Records `settings` as those of the run, or makes sure that the run that is there has them.
  /// Throws InvalidArgument for other settings; and, unless `joins`, for any run that is there.
  void begin(const Json& settings, bool joins) const;

  /// The index of a shard, a file.
  std::filesystem::path index_of(const InputShard& shard) const;
  /// The record of a shard, if it is complete, and about the inputs that there are now; and if its
  /// files have the sizes that are recorded.
  std::optional<ShardRecord> read(const InputShard& shard) const;
  /// Removes what is recorded of a shard that has to be done again, so that the old record is not
  /// taken for one of the new files, and parts of its tar, of which there may be fewer now.
  void forget(const InputShard& shard) const;
  /// By way of a file in `folder`, which belongs to the owner of the shard.
  void write(const InputShard& shard, const ShardRecord& record,
             const std::filesystem::path& folder) const;

  /// Counts the shards of all processes, writes sapiens-index.json and returns it. `claims` tells
  /// who works on those that are missing; `failed` inputs are missing as well.
  Json merge(std::span<const InputShard> shards, const Claims& claims,
             std::span<const FailedInput> failed) const;

 private:
  Json merge_once(std::span<const InputShard> shards, const Claims& claims,
                  std::span<const FailedInput> failed,
                  std::vector<const InputShard*>& without_record) const;
  std::filesystem::path record_of(const InputShard& shard) const;
  bool has_files(const Json& record) const;
  enum class Existing { Keep, Replace };
  /// Writes `document` unless there is a file that has to stay.
  void write_json(const std::filesystem::path& path, const Json& document, Existing existing) const;

  std::filesystem::path output_;
  std::filesystem::path temporary_;
};

}  // namespace sapiens::cli
