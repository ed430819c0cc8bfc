#include "engine/several_models.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "engine/problems.hpp"

namespace sapiens {
namespace {

// In front of everything that belongs to the model at `names`: its heads too, where they are apart
// from those of the model that is taken.
std::string place_of(const EncoderNames& names, const EncoderNames& taken) {
  const std::string parent(names.parent());
  return parent.empty() || taken.root.starts_with(parent) ? names.root : parent;
}

// Prefixes that are not in the original's own layout.
std::ptrdiff_t count_prefixes(const EncoderNames& names) {
  return std::ranges::count_if(path_components(names.root), [](std::string_view component) {
    const PrefixRule* rule = find_prefix_rule(component);
    return rule == nullptr || !rule->because.empty();
  });
}

}  // namespace

std::vector<std::size_t> parameter_tensors(const Plan& plan) {
  std::vector<std::size_t> tensors;
  for (const Binding& binding : plan.bindings) {
    tensors.insert(tensors.end(), binding.tensors.begin(), binding.tensors.end());
  }
  std::ranges::sort(tensors);
  return tensors;
}

std::size_t limit_places(std::vector<EncoderNames>& places) {
  // No honest file has more.
  constexpr std::size_t kMaxPlaces = 32;
  const auto end =
      places.begin() + static_cast<std::ptrdiff_t>(std::min(places.size(), kMaxPlaces));
  // One place is there once for every layout that it has names of.
  std::set<std::string_view> left_out;
  for (auto left = end; left != places.end(); ++left) left_out.insert(left->root);
  for (auto kept = places.begin(); kept != end; ++kept) left_out.erase(kept->root);
  const std::size_t count = left_out.size();
  places.erase(end, places.end());
  // Of copies the first is taken: rather one whose prefix is known, or that has none.
  std::ranges::stable_sort(places, {}, [](const EncoderNames& names) {
    return std::tuple(!names.undescribed().empty(), names.role(), count_prefixes(names),
                      names.root);
  });
  return count;
}

void name_contenders(std::vector<Contender>& contenders) {
  std::vector<std::string> roots;
  for (const Contender& contender : contenders) roots.push_back(contender.names->root);
  const std::vector<std::string> prefixes = prefix_names(roots);
  for (std::size_t i = 0; i < contenders.size(); ++i) contenders[i].found.prefix = prefixes[i];
}

void tell_of_others(EncoderNames& taken, std::span<const Contender> contenders,
                    const Choice& choice) {
  taken.chosen = choice.because;
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    if (i == *choice.taken) continue;
    const FoundModel& left = choice.found[i];
    taken.others.push_back(
        {.path = place_of(*contenders[i].names, taken),
         .because = fmt::format("another model, under {} ({} of {} parameters): {}", left.prefix,
                                left.bound, left.required, left.reason),
         .tensors = parameter_tensors(*contenders[i].plan)});
  }
  // A model inside another's place is named by its own.
  std::ranges::stable_sort(taken.others, std::greater(),
                           [](const OtherNames& other) { return other.path.size(); });
}

void add_left_notes(std::span<const FoundModel> found, std::vector<std::string>& notes) {
  const auto taken = std::ranges::find(found, true, &FoundModel::taken);
  if (taken == found.end()) return;
  for (const FoundModel& model : found) {
    if (model.taken) continue;
    notes.push_back(fmt::format("of several models {} is taken; left: {}: {}", taken->prefix,
                                describe_found(model), model.reason));
  }
}

std::string candidate_lines(const Report& report) {
  std::string lines;
  for (const FoundModel& model : report.candidates) {
    lines += fmt::format("\n  {:<13} `prefix` {}", "candidate", describe_found(model));
    if (!model.reason.empty()) lines += fmt::format(": {}", model.reason);
  }
  return lines;
}

Report ambiguous_report(const Choice& choice, std::string_view what) {
  Report report;
  report.verdict = Verdict::Ambiguous;
  for (const std::size_t rival : choice.rivals) report.candidates.push_back(choice.found[rival]);
  report.explanation = fmt::format("the file holds {} {}, and no rule tells which one is meant",
                                   report.candidates.size(), what);
  report.hint = fmt::format("choose one with `prefix`, as in `prefix` {}",
                            printable(report.candidates.front().prefix));
  return report;
}

}  // namespace sapiens
