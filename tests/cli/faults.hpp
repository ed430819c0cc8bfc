#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/program.hpp"
#include "support/scratch.hpp"

namespace sapiens {

// Kinds of system calls, as tests/support/fault_shim.c names them.
inline constexpr const char* kWritingCalls = " create write sync truncate rename link mkdir close ";
inline constexpr const char* kAllCalls =
    " open create read write sync truncate rename link mkdir close stat list map lock seek remove ";
/// Those that a signal may interrupt.
inline constexpr const char* kSlowCalls = " open create read write sync truncate lock close ";

/// Which calls of the program fail: the `first` of these kinds, and then every `step`-th.
struct Fault {
  std::string calls;
  int error = 0;  // an errno; -1: half of the bytes are read or written
  long first = 1;
  long step = 0;
};

/// What the program did with calls that failed.
struct FaultedRun {
  Finished finished;
  bool hung = false;
  /// A line for each call that failed: its kind and its file.
  std::string log;
};

/// Without LD_PRELOAD, or where a sanitizer has to come first: why not.
std::string why_no_faults();

/// Runs the program. Calls on files below `folder` fail.
FaultedRun run_with_fault(const std::string& folder, const Fault& fault,
                          const std::vector<std::string>& arguments);

/// Runs the program with a calendar that jumps by a day, forwards and backwards in turn, each time
/// it is asked from the `first` time on.
FaultedRun run_with_jumping_clock(long first, const std::vector<std::string>& arguments);

/// Waits for the end of the program, for minutes at most; then it is killed, and this is true.
bool hangs(Running& program);

}  // namespace sapiens
