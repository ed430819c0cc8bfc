#include "engine/assess_detector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/choose_model.hpp"
#include "engine/explain.hpp"
#include "engine/several_models.hpp"
#include "model/rtmdet_params.hpp"

namespace sapiens {
namespace {

std::string rules_text(const Report& report) {
  std::string text;
  for (const AppliedRule& rule : report.rules) {
    if (!text.empty()) text += "; ";
    text += rule.rule;
  }
  return text;
}

void explain(Plan& plan, Index classes) {
  Report& report = plan.report;
  if (const auto of_values = explain_values(plan)) {
    report.explanation = of_values->text;
    report.hint = of_values->hint;
  } else if (plan.alteration != nullptr) {
    report.explanation = altered_text(report);
    report.hint = plan.alteration->remedy;
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

DetectorFile reconcile_detector(const StateDict& dict, const NameIndex& index,
                                const EncoderNames& names) {
  const OfferedShapes offered(dict, index, names);
  DetectorFile file{.config = detect_rtmdet(offered), .plan = {}, .root = {}};
  file.root = names.parent();
  file.plan = reconcile(dict, index, names, rtmdet_params(file.config), {});
  explain(file.plan, rtmdet_classes(offered));
  if (file.config != published_rtmdet_m()) {
    file.plan.report.notes.emplace_back(
        "not the published RTMDet-m: the weights do not tell how the head's distances are meant, "
        "and they are read as RTMDet-m's, exp(x) times the stride");
  }
  return file;
}

FoundModel found(const DetectorFile& file) {
  return {.family = "rtmdet",
          .verdict = file.plan.report.verdict,
          .required = file.plan.report.required,
          .bound = file.plan.report.bound,
          .width = file.config.head_width};
}

ModelInfo detector_info(const RtmDetConfig& config) {
  ModelInfo info;
  info.family = "rtmdet";
  info.arch = config == published_rtmdet_m() ? "rtmdet-m" : "custom";
  info.width = config.head_width;
  info.parameters = rtmdet_trained_values(config);
  return info;
}

}  // namespace

std::optional<DetectorFile> find_detector(const StateDict& dict, const NameIndex& index,
                                          std::string_view prefix) {
  std::vector<EncoderNames> places = find_encoders(index, detector_schemes());
  limit_places(places);
  std::erase_if(places, [&](const EncoderNames& names) {
    return !has_rtmdet_head(OfferedShapes(dict, index, names));
  });
  if (places.empty()) return std::nullopt;
  std::vector<DetectorFile> files;
  for (const EncoderNames& names : places) files.push_back(reconcile_detector(dict, index, names));
  std::vector<Contender> contenders;
  for (std::size_t i = 0; i < places.size(); ++i) {
    contenders.push_back({.names = &places[i], .plan = &files[i].plan, .found = found(files[i])});
  }
  name_contenders(contenders);
  const bool named = std::ranges::any_of(
      places, [&](const EncoderNames& names) { return is_named(prefix, names); });
  Choice choice = choose_model(dict, contenders, named ? prefix : "");
  if (!choice.taken) {
    DetectorFile several{.named = named && !prefix.empty()};
    several.plan.report = ambiguous_report(std::move(choice.found), "person detectors");
    return several;
  }
  DetectorFile& taken = files[*choice.taken];
  if (choice.found.size() > 1) {
    tell_of_others(places[*choice.taken], contenders, choice);
    taken = reconcile_detector(dict, index, places[*choice.taken]);
    add_left_notes(choice.found, taken.plan.report.notes);
  }
  taken.named = named && !prefix.empty();
  taken.plan.report.candidates = std::move(choice.found);
  return std::move(taken);
}

void inspect_detector(const DetectorFile& detector, Inspection& inspection) {
  const Report& report = detector.plan.report;
  inspection.model.family = "rtmdet";
  if (report.verdict != Verdict::Ambiguous) inspection.model = detector_info(detector.config);
  inspection.report = report;
  inspection.uses = {{.use = "detect",
                      .verdict = report.verdict,
                      .required = report.required,
                      .bound = report.bound,
                      .reason = report.explanation}};
}

OtherNames names_of(const DetectorFile& detector) {
  const Report& report = detector.plan.report;
  return {.path = detector.root,
          .because = fmt::format("an RTMDet person detector ({} of {} parameters)", report.bound,
                                 report.required),
          .tensors = parameter_tensors(detector.plan)};
}

void explain_no_encoder(const DetectorFile& detector, Report& report) {
  if (detector.plan.report.verdict == Verdict::Ambiguous) {
    report.explanation = "the file holds several person detectors, and no encoder of Sapiens";
    report.hint = "give a Sapiens checkpoint here";
    return;
  }
  report.explanation = fmt::format("this is an {}: it finds persons, and has no encoder of Sapiens",
                                   describe_model(detector_info(detector.config)));
  report.hint = "give a Sapiens checkpoint here, and this file as the detector";
}

}  // namespace sapiens
