#include "cli/terminal/text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <sapiens/printable.hpp>

namespace sapiens::cli {

std::string bytes_text(std::uint64_t bytes) {
  const auto amount = static_cast<double>(bytes);
  if (bytes >= 1'000'000'000) return fmt::format("{:.2f} GB", amount * 1e-9);
  if (bytes >= 1'000'000)
    return fmt::format("{:.{}f} MB", amount * 1e-6, bytes < 10'000'000 ? 1 : 0);
  if (bytes >= 1'000) return fmt::format("{:.0f} kB", amount * 1e-3);
  return fmt::format("{} bytes", bytes);
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

std::string dims_text(std::span<const Index> shape) {
  return fmt::format("{}", fmt::join(shape, "x"));
}

std::string model_text(const ModelInfo& model) {
  if (model.family == "rtmdet") return fmt::format("person detector {}", model.arch);
  return fmt::format("Sapiens {} {}, width {}, {} blocks", model.arch, task_text(model),
                     model.width, model.depth);
}

std::string checkpoint_text(const std::string& path, const Inspection& inspection) {
  std::string text = fmt::format(
      "{}: {}, {} ({} of {} parameters)", printable(path), model_text(inspection.model),
      verdict_name(inspection.report.verdict), inspection.report.bound, inspection.report.required);
  for (const FoundModel& model : inspection.report.candidates) {
    if (model.taken && !model.reason.empty()) {
      text += fmt::format("\n  taken: {}, because {}", printable(model.prefix),
                          printable(model.reason));
    } else if (!model.taken) {
      text += fmt::format("\n  left: {}, {} of {} parameters: {}", printable(model.prefix),
                          model.bound, model.required, printable(model.reason));
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
