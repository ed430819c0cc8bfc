#include <fmt/format.h>

#include "engine/assess.hpp"
#include "engine/explain.hpp"
#include "engine/problems.hpp"

namespace sapiens {

Error refusal(const Inspection& inspection, std::string_view undone) {
  const Report& report = inspection.report;
  const FileInfo& file = inspection.file;
  std::string summary = report.verdict == Verdict::Foreign
                            ? fmt::format("this is no Sapiens model, so {}", undone)
                            : fmt::format("{} of {} parameters did not load, so {}",
                                          report.required - report.bound, report.required, undone);
  summary += problem_lines(report);
  std::string taken_as;
  if (inspection.model.family == "rtmdet") {
    taken_as = fmt::format(", taken as {}", describe_model(inspection.model));
  } else if (report.verdict != Verdict::Foreign) {
    taken_as = fmt::format(", taken as {}, width {}, {} blocks", describe_model(inspection.model),
                           inspection.model.width, inspection.model.depth);
  }
  return Error(
      ErrorCode::CheckpointRefused,
      {.summary = summary,
       .file = fmt::format("{} ({}, {}{})", file.path, file.format, counted(file.tensors, "tensor"),
                           taken_as),
       .key = report.missing.empty() ? (report.mismatched.empty() ? "" : report.mismatched[0].key)
                                     : report.missing[0].key,
       .actual = report.explanation,
       .hint = report.hint});
}

}  // namespace sapiens
