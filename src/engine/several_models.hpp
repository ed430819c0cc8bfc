#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/choose_model.hpp"
#include "reconcile/names.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

// Reports on files with several models.

/// Sorts `places` independently of the order in the file, and limits their number, so that a
/// malicious file cannot cause unbounded work. Returns how many were dropped.
std::size_t limit_places(std::vector<EncoderNames>& places);

/// Fills in the prefixes of `contenders`.
void name_contenders(std::vector<Contender>& contenders);

/// Adds the other models to the names of the chosen one, for `reconcile`.
void tell_of_others(EncoderNames& taken, std::span<const Contender> contenders,
                    const Choice& choice);

/// The tensors that hold parameters of `plan`, in ascending order.
std::vector<std::size_t> parameter_tensors(const Plan& plan);

/// A note for each model that is not taken.
void add_left_notes(std::span<const FoundModel> found, std::vector<std::string>& notes);

/// The candidates of a report, as lines of text that each start with a line break.
std::string candidate_lines(const Report& report);

/// The report of a file without a preferred model. `what` names the models: "encoders".
Report ambiguous_report(const Choice& choice, std::string_view what);

}  // namespace sapiens
