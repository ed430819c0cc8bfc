#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sapiens/checkpoint.hpp"

namespace sapiens {

/// A member of the archive whose bytes are not what its checksum says.
struct DamagedMember {
  std::string name = {};  ///< "archive/data/17"
  std::string tensors =
      {};  ///< "backbone.pos_embed", "a, b, c and 4 more"; empty if none is there.
  std::string expected = {};  ///< The checksum in the file: "CRC-32 1a2b3c4d".
  std::string actual = {};    ///< That of the bytes, or why they cannot be told.
};

/// Which members of the file have checksums, and what comparing them showed.
struct Verification {
  bool ran = false;                     ///< False while nothing but the table of contents was read.
  std::string checksum = {};            ///< "CRC-32"; empty for a file without any.
  std::uint64_t members = 0;            ///< With a checksum that can be compared.
  std::uint64_t bytes = 0;              ///< Of these.
  std::uint64_t unguarded = 0;          ///< Members without a checksum.
  std::uint64_t unguarded_tensors = 0;  ///< Tensors in them.
  std::vector<std::string> not_compared = {};  ///< Compressed members: they hold no tensors.
  std::vector<DamagedMember> damaged = {};

  bool intact() const noexcept { return damaged.empty(); }
};

/// What the file has checksums of. Reads no values.
Verification checksums_of(const Checkpoint& checkpoint);

/// Reads every member of the file that has a checksum, on all CPUs, and compares. Throws nothing
/// for damage: it is the result. Loading weights compares those it reads by itself.
Verification verify_checkpoint(const Checkpoint& checkpoint);

/// `Checkpoint::inspect` with the result of `verify_checkpoint` among the notes.
Inspection inspect_verified(const Checkpoint& checkpoint, const ModelOptions& options,
                            const Verification& verification);

/// The notes of a report: what was compared, and the lines of `damage_of`.
std::vector<std::string> describe(const Verification& verification);

/// A line per damaged member; of many the first ones, and how many more there are.
std::vector<std::string> damage_of(const Verification& verification);

}  // namespace sapiens
