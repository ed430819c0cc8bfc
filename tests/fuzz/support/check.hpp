#pragma once

namespace sapiens::fuzz {

/// Ends the process where a claim about what was read does not hold.
inline void check(bool claim) {
  if (!claim) __builtin_trap();
}

}  // namespace sapiens::fuzz
