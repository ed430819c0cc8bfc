#include "engine/assess_detector.hpp"

#include <fmt/format.h>

#include <array>
#include <span>
#include <string>
#include <utility>

#include "engine/explain.hpp"
#include "model/rtmdet_params.hpp"

namespace sapiens {
namespace {

// Usable ones first, then those with more of their parameters, then the more trusted place.
std::array<Index, 3> merit(const Report& report, const EncoderNames& names) {
  return {is_usable(report.verdict) ? 1 : 0, report.bound, -names.rank()};
}

std::string rules_text(const Report& report) {
  std::string text;
  for (const AppliedRule& rule : report.rules) {
    if (!text.empty()) text += "; ";
    text += rule.rule;
  }
  return text;
}

void explain(const Plan& plan, Report& report, Index classes) {
  if (const auto of_values = explain_values(plan)) {
    report.explanation = of_values->text;
    report.hint = of_values->hint;
  } else if (report.verdict == Verdict::Exact) {
    report.explanation = "every parameter is in the file under its own name";
  } else if (is_usable(report.verdict)) {
    report.explanation = rules_text(report);
  } else if (classes > 1) {
    report.explanation =
        fmt::format("this RTMDet tells {} kinds of things apart, a person detector one", classes);
    report.hint = "take RTMDet-m trained for persons alone, as the original's scripts do";
  } else {
    report.explanation = "the file looks damaged or edited rather than misnamed";
    report.hint = "fetch it again";
  }
}

ModelInfo detector_info(const RtmDetConfig& config) {
  ModelInfo info;
  info.family = "rtmdet";
  info.arch = config == published_rtmdet_m() ? "rtmdet-m" : "custom";
  info.task = "detect";
  info.width = config.head_width;
  info.parameters = rtmdet_trained_values(config);
  return info;
}

}  // namespace

std::optional<DetectorFile> find_detector(const StateDict& dict, const NameIndex& index) {
  std::optional<DetectorFile> best;
  std::array<Index, 3> best_merit{};
  for (const EncoderNames& names : find_encoders(index, detector_schemes())) {
    const OfferedShapes offered(dict, index, names);
    if (!has_rtmdet_head(offered)) continue;
    DetectorFile found{.config = detect_rtmdet(offered), .plan = {}};
    found.plan = reconcile(dict, index, names, rtmdet_params(found.config), {});
    const std::array<Index, 3> found_merit = merit(found.plan.report, names);
    if (best && found_merit <= best_merit) continue;
    explain(found.plan, found.plan.report, rtmdet_classes(offered));
    if (found.config != published_rtmdet_m()) {
      found.plan.report.notes.emplace_back(
          "not the published RTMDet-m: the weights do not tell how the head's distances are meant, "
          "and they are read as RTMDet-m's, exp(x) times the stride");
    }
    best = std::move(found);
    best_merit = found_merit;
  }
  return best;
}

void inspect_detector(const DetectorFile& detector, Inspection& inspection) {
  const Report& report = detector.plan.report;
  inspection.model = detector_info(detector.config);
  inspection.report = report;
  inspection.uses = {{.use = "detect",
                      .verdict = report.verdict,
                      .required = report.required,
                      .bound = report.bound,
                      .reason = report.explanation}};
}

void explain_no_encoder(const DetectorFile& detector, Report& report) {
  report.explanation = fmt::format("this is an {}: it finds persons, and has no encoder of Sapiens",
                                   describe_model(detector_info(detector.config)));
  report.hint = "give a Sapiens checkpoint here, and this file as the detector";
}

}  // namespace sapiens
