#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sapiens::fuzz {

/// What follows an instruction of a pickle.
enum class Argument : std::uint8_t {
  None,
  Bytes1,
  Bytes2,
  Bytes4,
  Bytes8,
  Line,
  TwoLines,
  Counted1,  ///< Bytes behind their number, which takes one byte.
  Counted4,
  Counted8,
};

Argument argument_of(std::uint8_t code) noexcept;

/// One instruction. A count is not part of `argument`, because it follows from its length; the
/// newline behind a line is not, either.
struct Instruction {
  std::uint8_t code = 0;
  std::string argument = {};
  bool operator==(const Instruction&) const = default;
};

using Instructions = std::vector<Instruction>;

/// Takes instructions from the front of `bytes` up to and including STOP, or up to one that is cut
/// off. An unknown byte is an instruction without an argument.
Instructions take_instructions(std::string_view& bytes);
std::string to_bytes(const Instructions& instructions);

}  // namespace sapiens::fuzz
