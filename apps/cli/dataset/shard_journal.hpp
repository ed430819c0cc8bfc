#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <sapiens/tensor_view.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/run/unfinished_file.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// How many inputs of a shard have results, and how many have an error instead.
struct ShardCounts {
  Index done = 0;
  Index failed = 0;

  ShardCounts& operator+=(const ShardCounts& more);
};

/// What an earlier owner of a shard has done for certain.
struct EarlierWork {
  std::filesystem::path folder = {};       ///< Of its unfinished files.
  std::vector<std::uint32_t> inputs = {};  ///< `input_sum` of each input, in their order.
  ShardCounts counts = {};
  Json position = {};  ///< FeatureShard::position behind them.
};

/// Short enough for millions; to be compared with an input that is at the same place. Of its key,
/// as processes with other working directories may see it under another path.
std::uint32_t input_sum(std::string_view key);

/// The index of a shard while it is written: a line for each input, and after what is safely on the
/// disk a line with the position there. Lies in the folder of the owner.
class ShardJournal {
 public:
  /// Starts one in `folder`. Throws WriteFailed or OutOfResources, as all of it does.
  ShardJournal(const std::filesystem::path& folder, const Json& source);

  /// Begins with the lines of an earlier one, which `read` has found.
  void take(const EarlierWork& earlier);
  /// Adds the line of an input; in memory until `sync`.
  void add(const Json& line, bool failed);
  /// Writes the lines of inputs whose results are on the disk up to `position`.
  void sync(const Json& position);
  /// Bytes that wait for `sync`.
  std::size_t waiting() const { return waiting_.size(); }
  const ShardCounts& counts() const { return counts_; }
  /// Makes the lines of all inputs, which were synced, the file `path`, in one step. Returns how
  /// many inputs failed for a reason that may be gone another time: memory or descriptors ran out,
  /// or the file could not be opened.
  Index write_index(const std::filesystem::path& path) const;

  /// What the journal in `folder` has of a shard with this `source`, up to its last position;
  /// nothing if there is none.
  static std::optional<EarlierWork> read(const std::filesystem::path& folder, const Json& source);
  /// `input_sum` of each input in a file that `write_index` made.
  static std::vector<std::uint32_t> inputs_of_index(const std::filesystem::path& path);

 private:
  void append(std::string_view text);

  std::filesystem::path path_;
  UnfinishedFile file_;
  std::uint64_t end_ = 0;  // of what was written
  std::string waiting_;
  ShardCounts counts_;
};

}  // namespace sapiens::cli
