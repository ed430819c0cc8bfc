#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sapiens/checkpoint.hpp"

namespace sapiens {

/// A member of an archive whose bytes do not match its checksum.
struct DamagedMember {
  std::string name = {};  ///< "archive/data/17"
  /// Tensors in the member: "backbone.pos_embed", "a, b, c and 4 more"; empty if there are none.
  std::string tensors = {};
  std::string expected = {};  ///< Checksum in the file: "CRC-32 1a2b3c4d".
  std::string actual = {};    ///< Checksum of the bytes, or why it cannot be computed.
};

/// Which members of a file have checksums, and the result of comparing them.
struct Verification {
  bool ran = false;                     ///< False if no bytes were compared (`checksums_of`).
  std::string checksum = {};            ///< "CRC-32"; empty if the file has no checksums.
  std::uint64_t members = 0;            ///< Members with a checksum that can be compared.
  std::uint64_t bytes = 0;              ///< Size of these members.
  std::uint64_t unguarded = 0;          ///< Members without a checksum.
  std::uint64_t unguarded_tensors = 0;  ///< Tensors in them.
  std::vector<std::string> not_compared = {};  ///< Compressed members, which hold no tensors.
  std::vector<DamagedMember> damaged = {};     ///< Members whose checksum differs.

  /// True if no damage was found.
  bool intact() const noexcept { return damaged.empty(); }
};

/// Determines which members have checksums, without reading values.
Verification checksums_of(const Checkpoint& checkpoint);

/// Reads all members that have a checksum, on all CPUs, and compares. Damage is reported in the
/// result and not thrown. Loading weights verifies the members that it reads, without this
/// function.
Verification verify_checkpoint(const Checkpoint& checkpoint);

/// `Checkpoint::inspect` with the result of `verify_checkpoint` among the notes.
Inspection inspect_verified(const Checkpoint& checkpoint, const ModelOptions& options,
                            const Verification& verification);

/// The notes of a report: what was compared, and the lines of `damage_of`.
std::vector<std::string> describe(const Verification& verification);

/// A line per damaged member; of many the first ones, and how many more there are.
std::vector<std::string> damage_of(const Verification& verification);

}  // namespace sapiens
