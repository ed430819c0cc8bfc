#pragma once

#include <sapiens/error.hpp>
#include <span>
#include <string>

namespace sapiens::cli {

/// What the program tells its caller; `--help` lists them.
enum ExitCode : int {
  kDone = 0,
  kSomeFailed = 1,
  kUsage = 2,
  kRefused = 3,
  kBadFile = 4,
  kOutOfResources = 5,
  kNetwork = 6,
  kInternal = 70,  // EX_SOFTWARE of sysexits.h
  kInterrupted = 130,
};

ExitCode exit_code(ErrorCode code) noexcept;

struct ExitCodeMeaning {
  ExitCode code;
  const char* meaning;
};

std::span<const ExitCodeMeaning> exit_code_meanings() noexcept;

/// The table for `--help`.
std::string exit_code_help();

}  // namespace sapiens::cli
