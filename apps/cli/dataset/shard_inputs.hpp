#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <sapiens/error.hpp>
#include <span>
#include <string>

#include "cli/dataset/shard_plan.hpp"
#include "cli/input/archive_inputs.hpp"

namespace sapiens::cli {

/// The jobs of one shard, in their order. An archive is read once, sample by sample.
class ShardInputs {
 public:
  /// `shard` must outlive it.
  ShardInputs(const InputShard& shard, const SampleRules& rules);

  /// Passes those that an earlier owner has done, `input_sum` of each. Throws InvalidArgument where
  /// they are others, which happens if they come from standard input.
  void skip(std::span<const std::uint32_t> done);

  /// Throws InvalidArgument where there are more.
  void expect_end();

  /// The next one; null after the last, and where the rest of an archive is lost.
  std::shared_ptr<const Job> next();

  /// Why the archive, or the rest of it, was lost.
  const std::optional<Error>& damage() const { return damage_; }
  /// What was found in the archive and is no input.
  LeftOutList left_out() const;

 private:
  std::shared_ptr<const Job> next_sample();
  [[noreturn]] void refuse(const std::string& key, const std::string& actual) const;

  const InputShard& shard_;
  std::size_t next_ = 0;  // of the jobs of the shard
  std::optional<ArchiveSamples> archive_;
  std::optional<Error> damage_;
};

}  // namespace sapiens::cli
