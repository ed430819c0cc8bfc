#include "engine/assess_detector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "engine/choose_model.hpp"
#include "engine/describe.hpp"
#include "engine/explain.hpp"
#include "engine/notes.hpp"
#include "engine/several_models.hpp"
#include "model/rtmdet_params.hpp"

namespace sapiens {
namespace {

Explanation explain_misfit(Index classes) {
  if (classes > 1) {
    return {
        fmt::format("this RTMDet tells {} kinds of things apart, a person detector one", classes),
        "take RTMDet-m trained for persons alone, as the original's scripts do"};
  }
  return {"the file looks damaged or edited rather than misnamed", "fetch it again"};
}

DetectorFile reconcile_detector(const StateDict& dict, const NameIndex& index,
                                const EncoderNames& names) {
  const OfferedShapes offered(dict, index, names);
  DetectorFile file{.config = detect_rtmdet(offered), .plan = {}, .root = {}};
  file.root = names.parent();
  file.plan = reconcile(dict, index, names, rtmdet_params(file.config), {});
  Explanation explanation =
      explain_fit(file.plan).value_or(explain_misfit(rtmdet_classes(offered)));
  file.plan.report.explanation = std::move(explanation.text);
  file.plan.report.hint = std::move(explanation.hint);
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
    several.plan.report = ambiguous_report(choice, "person detectors");
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

Inspection inspect_detector(const StateDict& dict, const DetectorFile& detector) {
  const Report& report = detector.plan.report;
  Inspection inspection{.file = file_info(dict), .model = {.family = "rtmdet"}, .report = report};
  if (report.verdict != Verdict::Ambiguous) inspection.model = detector_info(detector.config);
  std::ranges::move(file_notes(dict), std::back_inserter(inspection.report.notes));
  inspection.uses = UseVerdicts({{.use = Use::Detect,
                                  .verdict = report.verdict,
                                  .required = report.required,
                                  .bound = report.bound,
                                  .reason = report.explanation}});
  return inspection;
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
