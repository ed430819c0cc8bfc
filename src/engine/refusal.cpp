#include <fmt/format.h>

#include "engine/assess.hpp"
#include "engine/describe.hpp"
#include "engine/problems.hpp"
#include "engine/several_models.hpp"

namespace sapiens {
namespace {

std::string summary_of(const Inspection& inspection, std::string_view consequence) {
  const Report& report = inspection.report;
  if (report.verdict == Verdict::Foreign)
    return fmt::format("this is no Sapiens model, so {}", consequence);
  if (report.verdict == Verdict::Ambiguous)
    return fmt::format("several models in one file, so {}", consequence) + candidate_lines(report);
  if (report.required == 0 && inspection.model.family == "sapiens2")
    return fmt::format("of this model the encoder alone is supported, so {}", consequence);
  if (report.bound == report.required)
    return fmt::format("the file has parts that the model has not, so {}", consequence);
  return fmt::format("{} of {} parameters did not load, so {}", report.required - report.bound,
                     report.required, consequence) +
         problem_lines(report);
}

std::string taken_as(const Inspection& inspection) {
  const ModelInfo& model = inspection.model;
  if (model.width == 0) return "";
  if (model.family == "rtmdet") return fmt::format(", taken as {}", describe_model(model));
  return fmt::format(", taken as {}, width {}, {} blocks", describe_model(model), model.width,
                     model.depth);
}

std::string first_key(const Report& report) {
  if (!report.missing.empty()) return report.missing[0].key;
  if (!report.mismatched.empty()) return report.mismatched[0].key;
  return report.altered.empty() ? "" : report.altered[0].key;
}

}  // namespace

Error refusal(const Inspection& inspection, std::string_view consequence) {
  const Report& report = inspection.report;
  const FileInfo& file = inspection.file;
  return Error(ErrorCode::CheckpointRefused,
               {.summary = summary_of(inspection, consequence),
                .file = fmt::format("{} ({}, {}{})", file.path, file.format,
                                    counted(file.tensors, "tensor"), taken_as(inspection)),
                .key = first_key(report),
                .option = report.verdict == Verdict::Ambiguous ? "prefix" : "",
                .actual = report.explanation,
                .hint = report.hint});
}

}  // namespace sapiens
