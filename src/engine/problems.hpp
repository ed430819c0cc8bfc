#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sapiens/printable.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

enum class ProblemKind { Missing, NotReadable, WrongShape, Altered };

/// What is wrong with one parameter, or with the same parameter of many blocks.
struct Problem {
  ProblemKind kind = ProblemKind::Missing;
  std::string key = {};     ///< `*` replaces the number of the block if several share the problem.
  std::string facts = {};   ///< The shapes; `*` replaces the part of a name that differs by block.
  std::string reason = {};  ///< Why it was not adapted; may be empty.
  Index count = 1;
};

/// All missing and mismatched parameters, grouped by cause: 16 blocks without an `ln1` are one
/// problem, not 32.
std::vector<Problem> group_problems(const Report& report);

/// The first few problems as lines of text, and a count of the rest; each line starts with a line
/// break. Names come from the file and are made printable.
std::string problem_lines(const Report& report);

/// "1 parameter", "2 parameters".
std::string counted(Index count, std::string_view noun);

/// "24.3 kB", "8.0 MB", "1.20 GB".
std::string readable_bytes(std::uint64_t bytes);

}  // namespace sapiens
