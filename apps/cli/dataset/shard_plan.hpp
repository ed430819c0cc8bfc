#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <sapiens/tensor_view.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/input/inputs.hpp"
#include "cli/run/jobs.hpp"

// The inputs of a large run are worked on by shard: an archive, or some loose files. A shard is
// what a process claims, what is recorded as complete, and what a file of results is about.
namespace sapiens::cli {

/// The folder of claims in that of the index, in which shards have files of their names.
inline constexpr const char* kWorkFolder = "work";

/// One shard of the inputs.
struct InputShard {
  std::filesystem::path name = {};  ///< Of its results, below the output folder.
  Index number = 0;                 ///< In the run.
  InputFile archive = {};           ///< Unless it is made of `jobs`.
  std::vector<Job> jobs = {};       ///< Loose files.

  bool is_archive() const { return jobs.empty(); }
};

/// The shards of all inputs: archives in their order, each one of them, then the other files, at
/// most `images` in each.
std::vector<InputShard> plan_shards(std::span<const InputFile> files, std::size_t images);

/// What tells whether the inputs of a shard are those that a record is about: names, sizes, times
/// of change.
Json source_of(const InputShard& shard);

/// What tells whether the shards of two runs have the same names and numbers.
Json names_json(std::span<const InputShard> shards);

/// The part of all shards that one process works on: those whose number is `index` modulo `count`.
struct RunPart {
  std::uint64_t index = 0;
  std::uint64_t count = 1;
  std::string origin = {};  ///< "--shard" or the names of environment variables; empty: everything.

  bool has(Index number) const { return static_cast<std::uint64_t>(number) % count == index; }
};

/// Reads a variable of the environment; null where it is not set.
using Environment = std::function<const char*(const char* name)>;

/// From `option`, "I/N" or "none"; without it from SLURM_ARRAY_TASK_ID and those beside it, and
/// RANK with WORLD_SIZE; with both, every rank of every task has a part of its own. Throws
/// InvalidArgument.
RunPart choose_part(const std::optional<std::string>& option, const Environment& environment);

/// Reads "I/N" with I from 0 to N - 1; nothing for anything else.
std::optional<RunPart> parse_part(std::string_view text);

}  // namespace sapiens::cli
