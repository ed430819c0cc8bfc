#include "cli/terminal/exit_codes.hpp"

#include <fmt/format.h>

namespace sapiens::cli {
namespace {

constexpr ExitCodeMeaning kMeanings[] = {
    {kDone, "done"},
    {kSomeFailed, "some inputs failed, the others are done"},
    {kUsage, "wrong usage, or something this machine cannot do"},
    {kRefused, "the checkpoint was refused: its weights do not add up to the model"},
    {kBadFile, "a file is missing, unreadable or malformed"},
    {kOutOfResources, "memory or disk ran out, or an output could not be written"},
    {kNetwork, "a server could not be reached, or broke off too often"},
    {kInternal, "a bug in sapiens"},
    {kInterrupted, "interrupted by Ctrl-C, SIGTERM or SIGHUP"},
};

}  // namespace

ExitCode exit_code(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::InvalidArgument:
    case ErrorCode::UnsupportedHardware:
      return kUsage;
    case ErrorCode::CheckpointRefused:
      return kRefused;
    case ErrorCode::NotFound:
    case ErrorCode::CorruptFile:
    case ErrorCode::UnsupportedFormat:
    case ErrorCode::ShapeMismatch:
      return kBadFile;
    case ErrorCode::OutOfResources:
    case ErrorCode::WriteFailed:
      return kOutOfResources;
    case ErrorCode::Network:
      return kNetwork;
    case ErrorCode::Internal:
      return kInternal;
  }
  return kInternal;
}

std::span<const ExitCodeMeaning> exit_code_meanings() noexcept { return kMeanings; }

std::string exit_code_help() {
  std::string text = "Exit codes:\n";
  for (const auto& [code, meaning] : kMeanings) {
    text += fmt::format("  {:>3}  {}\n", static_cast<int>(code), meaning);
  }
  return text;
}

}  // namespace sapiens::cli
