#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/run/claims.hpp"

namespace sapiens::cli {

/// What a claim says: its owner, and where the processes of the owner's machine find it.
struct ClaimRecord {
  ClaimOwner owner = {};
  std::string boot = {};           ///< Changes when the machine starts; empty if unknown.
  std::string pid_namespace = {};  ///< Where `owner.pid` means something.
  std::uint64_t started = 0;       ///< When the process started, as /proc says it.
  /// Counts the signs of life; kLeft once the owner works on something else.
  std::int64_t beats = 0;
};

inline constexpr std::int64_t kLeft = -1;

/// This process, without a token.
ClaimRecord this_process();

/// A token that no claim ever had.
std::string new_token();

/// One line of JSON. `beats` is its last field and always has the width of `beats_text`, so that
/// it can be overwritten; the text before it, of `beats_position` bytes, never changes.
std::string claim_text(const ClaimRecord& record);
std::size_t beats_position(std::string_view claim_text);
std::string beats_text(std::int64_t beats);

/// Nothing for a text that is incomplete, and for one that `claim_text` would not have made: tokens
/// become names of folders.
std::optional<ClaimRecord> parse_claim(std::string_view text);

enum class Life { Runs, Gone, Unknown };

/// Whether the owner of `record` runs, as far as `self`, this process, can know at once: that of
/// another machine or container is Unknown. One that left its claim is Gone.
Life life_of(const ClaimRecord& record, const ClaimRecord& self);

}  // namespace sapiens::cli
