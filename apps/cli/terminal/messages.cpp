#include "cli/terminal/messages.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <sapiens/option_names.hpp>
#include <sapiens/printable.hpp>

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

ExitCode exit_code_of_failures(Index failures, bool memory_ran_out) noexcept {
  if (memory_ran_out) return kOutOfResources;
  return failures > 0 ? kSomeFailed : kDone;
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

std::string bytes_text(std::uint64_t bytes) {
  const auto amount = static_cast<double>(bytes);
  if (bytes >= 1'000'000'000) return fmt::format("{:.2f} GB", amount * 1e-9);
  if (bytes >= 1'000'000)
    return fmt::format("{:.{}f} MB", amount * 1e-6, bytes < 10'000'000 ? 1 : 0);
  if (bytes >= 1'000) return fmt::format("{:.0f} kB", amount * 1e-3);
  return fmt::format("{} bytes", bytes);
}

std::string precision_text(const EngineStats& stats) {
  const std::size_t others = stats.unquantized.size();
  if (others == 0) return stats.precision;
  return fmt::format("{} but for {} layer{}", stats.precision, others, others == 1 ? "" : "s");
}

std::string seconds_text(double seconds) {
  if (seconds < 0.1) return fmt::format("{:.1f} ms", seconds * 1e3);
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  if (seconds < 60) return fmt::format("{:.0f} s", seconds);
  const auto whole = std::llround(seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string time_text(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:#.4g} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:#.4g} ms", seconds * 1e3);
  return fmt::format("{:#.4g} s", seconds);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string dims_text(std::span<const Index> shape) {
  return fmt::format("{}", fmt::join(shape, "x"));
}

std::string_view family_text(const ModelInfo& model) {
  return model.family == "sapiens2" ? "Sapiens2" : "Sapiens";
}

std::string model_text(const ModelInfo& model) {
  if (model.family == "rtmdet") return fmt::format("person detector {}", model.arch);
  const bool sapiens2 = model.family == "sapiens2";
  return fmt::format("{} {} {}, width {}, {} blocks", family_text(model), model.arch,
                     sapiens2 ? "encoder" : task_text(model), model.width, model.depth);
}

std::string checkpoint_text(const std::string& path, const Inspection& inspection) {
  std::string text = fmt::format(
      "{}: {}, {} ({} of {} parameters)", printable(path), model_text(inspection.model),
      verdict_name(inspection.report.verdict), inspection.report.bound, inspection.report.required);
  for (const FoundModel& model : inspection.report.candidates) {
    const std::string reason = printable(with_option_names(model.reason, flag_of));
    if (model.taken && !reason.empty()) {
      text += fmt::format("\n  taken: {}, because {}", printable(model.prefix), reason);
    } else if (!model.taken) {
      text += fmt::format("\n  left: {}, {} of {} parameters: {}", printable(model.prefix),
                          model.bound, model.required, reason);
    }
  }
  return text;
}

std::string absolute_text(const std::filesystem::path& path) {
  std::error_code ignored;
  const std::filesystem::path absolute = std::filesystem::weakly_canonical(path, ignored);
  return ignored ? path.string() : absolute.string();
}

}  // namespace sapiens::cli
