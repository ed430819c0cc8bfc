#include "cli/terminal/messages.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <sapiens/printable.hpp>

#include "cli/terminal/command_words.hpp"

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

void print(std::string_view text) { print_as_it_is(printable_lines(text)); }

void print_as_it_is(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_json(const Json& document) { print_as_it_is(documents::json_text(document, 2) + "\n"); }

Json error_json(const Error& error) { return documents::error_json(with_flags(error)); }

std::string failure_text(std::string_view input, const Error& error) {
  return fmt::format("failed: {}\n  {}", printable(input), with_flags(error).what());
}

void say_error(const Error& error) {
  say(std::string("error") + with_flags(error).what());  // it begins with the code in brackets
}

void report_error(const Error& error, bool json) {
  say_error(error);
  if (json) print_json({{"error", error_json(error)}});
}

void report_error(std::string_view code, const std::string& summary, bool json) {
  say(fmt::format("error[{}]: {}", code, printable(summary)));
  if (json) print_json({{"error", documents::error_json(code, {.summary = summary})}});
}

void say(std::string_view message) {
  while (message.ends_with('\n')) message.remove_suffix(1);
  std::fputs((printable_lines(message) + '\n').c_str(), stderr);
}

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
