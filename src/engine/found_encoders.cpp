#include "engine/found_encoders.hpp"

#include <algorithm>
#include <utility>

#include "engine/several_models.hpp"
#include "model/params.hpp"

namespace sapiens {
namespace {

Candidate recognise(const StateDict& dict, const NameIndex& index, EncoderNames names,
                    const ModelHints& options) {
  Candidate candidate{.names = std::move(names), .model = {}, .plan = {}};
  candidate.placeholders = count_placeholders(dict, index, candidate.names);
  candidate.model = detect_model(OfferedShapes(dict, index, candidate.names), options);
  return candidate;
}

void add_plan(const StateDict& dict, const NameIndex& index, Candidate& candidate) {
  const DetectedModel& model = candidate.model;
  if (candidate.placeholders.divided()) {
    candidate.plan.report = placeholder_report(candidate.placeholders);
  } else {
    candidate.plan =
        reconcile(dict, index, candidate.names, encoder_params(model.encoder), model.positions);
  }
}

Index names_found(const Report& report) {
  return report.bound + std::ssize(report.mismatched) + std::ssize(report.altered);
}

// Of two schemes for one place. Shapes are no argument between families: they depend on the size,
// which a user may have named wrongly.
bool explains_more(const Candidate& a, const Candidate& b) {
  const Report &mine = a.plan.report, &yours = b.plan.report;
  return a.names.scheme->family == b.names.scheme->family ? mine.bound > yours.bound
                                                          : names_found(mine) > names_found(yours);
}

}  // namespace

Candidate reconcile_encoder(const StateDict& dict, const NameIndex& index, EncoderNames names,
                            const ModelHints& options) {
  Candidate candidate = recognise(dict, index, std::move(names), options);
  add_plan(dict, index, candidate);
  return candidate;
}

FoundEncoders find_all_encoders(const StateDict& dict, const NameIndex& index,
                                const ModelHints& options, std::string_view prefix) {
  FoundEncoders all;
  std::vector<EncoderNames> places = find_encoders(index);
  const bool named = std::ranges::any_of(
      places, [&](const EncoderNames& names) { return is_named(prefix, names); });
  // Those that are named first, so that they are looked at whatever else there is.
  if (named) {
    // Clang 14 cannot compile std::ranges::stable_partition of libstdc++ 12.
    std::stable_partition(places.begin(), places.end(),
                          [&](const EncoderNames& names) { return is_named(prefix, names); });
  }
  all.left_out = limit_places(places);
  for (EncoderNames& names : places) {
    Candidate candidate = recognise(dict, index, std::move(names), options);
    const bool any = candidate.model.found_width > 0 && candidate.model.found_depth > 0;
    if (!any && !candidate.placeholders.divided()) continue;
    add_plan(dict, index, candidate);
    if (!candidate.placeholders.divided()) ++all.plans_made;
    // Schemes share names: of one place the one that explains more of it counts.
    const auto same_place = std::ranges::find_if(all.candidates, [&](const Candidate& other) {
      return other.names.root == candidate.names.root;
    });
    if (same_place == all.candidates.end()) {
      all.candidates.push_back(std::move(candidate));
    } else if (explains_more(candidate, *same_place)) {
      *same_place = std::move(candidate);
    }
  }
  return all;
}

std::vector<Contender> contenders_of(const FoundEncoders& encoders) {
  std::vector<Contender> contenders;
  for (const Candidate& candidate : encoders.candidates) {
    contenders.push_back(
        {.names = &candidate.names, .plan = &candidate.plan, .found = candidate.found()});
  }
  name_contenders(contenders);
  return contenders;
}

}  // namespace sapiens
