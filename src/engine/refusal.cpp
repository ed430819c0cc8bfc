#include <fmt/format.h>

#include <iterator>

#include "core/shape.hpp"
#include "engine/assess.hpp"
#include "engine/explain.hpp"

namespace sapiens {
namespace {

constexpr std::size_t kShown = 8;  // of each kind; the rest is counted

void append_rest(std::string& text, std::size_t total) {
  if (total > kShown)
    fmt::format_to(std::back_inserter(text), "\n  ... and {} more like these", total - kShown);
}

std::string problems(const Report& report) {
  std::string text;
  const auto line = [&](std::string_view label, const std::string& key, const std::string& facts) {
    fmt::format_to(std::back_inserter(text), "\n  {:<12} {}  {}", label, key, facts);
  };
  for (std::size_t i = 0; i < std::min(report.missing.size(), kShown); ++i) {
    line("missing", report.missing[i].key, shape_text(report.missing[i].shape));
  }
  append_rest(text, report.missing.size());
  for (std::size_t i = 0; i < std::min(report.mismatched.size(), kShown); ++i) {
    const MismatchedParameter& mismatch = report.mismatched[i];
    line("wrong shape", mismatch.key,
         fmt::format("file {}, model {}", shape_text(mismatch.found),
                     shape_text(mismatch.expected)));
    if (!mismatch.reason.empty())
      fmt::format_to(std::back_inserter(text), "\n{:15}{}", "", mismatch.reason);
  }
  append_rest(text, report.mismatched.size());
  return text;
}

}  // namespace

Error refusal(const Inspection& inspection) {
  const Report& report = inspection.report;
  const FileInfo& file = inspection.file;
  std::string summary =
      report.verdict == Verdict::Foreign
          ? std::string("this is no Sapiens model, so nothing was computed")
          : fmt::format("{} of {} parameters did not load, so nothing was computed",
                        report.required - report.bound, report.required);
  summary += problems(report);
  std::string taken_as;
  if (report.verdict != Verdict::Foreign) {
    taken_as = fmt::format(", taken as {}, width {}, {} blocks", describe_model(inspection.model),
                           inspection.model.width, inspection.model.depth);
  }
  return Error(
      ErrorCode::CheckpointRefused,
      {.summary = summary,
       .file = fmt::format("{} ({}, {} tensors{})", file.path, file.format, file.tensors, taken_as),
       .key = report.missing.empty() ? (report.mismatched.empty() ? "" : report.mismatched[0].key)
                                     : report.missing[0].key,
       .actual = report.explanation,
       .hint = report.hint});
}

}  // namespace sapiens
